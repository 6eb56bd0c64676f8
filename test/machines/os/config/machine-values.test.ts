import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { machineDocument } from '#machines/contract/documents.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { fillLine, fillTree, type ConfigValues } from '#machines/os/config/machine-values.ts';

const machine: Machine = {
  document: machineDocument.parse({ kind: 'Machine', name: 'r1-u12', labels: { role: 'db' } }),
  acceptance: 'accepted',
  service: 'none',
  locked: false,
  identifiers: { macs: [], uuids: [], serials: ['S1'] },
  facts: { asset: { value: '$(reboot)', at: 0, source: 'ipxe' }, cores: { value: 8, at: 0, source: 'agent' } },
  rev: 1,
};
const values: ConfigValues = {
  machine,
  profile: 'debian',
  attempt: 'a-1',
  data: { ntp: { servers: ['10.0.0.1', '10.0.0.2'] }, motd: 'two\nlines; $(x)' },
};

suite('values in configuration', () => {
  for (const [text, want] of [
    ['{{machine.name}}.lab', 'r1-u12.lab'],
    ['{{ machine.serial }}', 'S1'],
    ['{{machine.labels.role}}', 'db'],
    ['{{facts.cores}}', '8'],
    ['{{data.ntp.servers}}', ['10.0.0.1', '10.0.0.2']],
    ['{{data.motd}}', 'two\nlines; $(x)'],
    ['no value', 'no value'],
  ] as const) {
    test(text, () => assert.deepEqual(fillTree({ a: text }, values), { ok: true, value: { a: want } }));
  }
  for (const [text, because] of [
    ['{{facts.asset}}', 'holds characters'],
    ['echo {{facts.asset}}', 'holds characters'],
    ['echo {{data.motd}}', 'holds characters'],
    ['echo {{data.ntp}}', 'is a list or a map'],
    ['{{machine.uuid}}', 'has no value'],
    ['{{facts.constructor}}', 'has no value'],
    ['{{data.__proto__.x}}', 'has no value'],
  ] as const) {
    test(`${text} is refused`, () => {
      const filled = fillTree({ list: [{ a: text }] }, values);
      assert.ok(!filled.ok);
      assert.equal(filled.path, 'list[0].a');
      assert.ok(filled.because.includes(because), filled.because);
    });
  }
});

test('a line that stands as it is takes plain words only', () => {
  assert.deepEqual(fillLine('network --hostname={{machine.name}}', values, 'kickstart[0]'), {
    ok: true,
    value: 'network --hostname=r1-u12',
  });
  assert.ok(!fillLine('echo {{data.motd}}', values, 'kickstart[0]').ok);
});
