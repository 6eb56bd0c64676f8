import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { screenLines } from '#machines/agent/decide/screen.ts';
import { doingOf, type Standing, STARTING, statusOf } from '#machines/agent/decide/standing.ts';
import { agentStatus } from '#machines/contract/agent.ts';

const WORKING: Standing = {
  base: { stage: 'waiting', text: 'waiting as r1-u12' },
  operation: {
    id: 'job-1',
    parts: [
      { name: 'sda', text: 'zero-overwrite', progress: 0.5 },
      { name: 'sdb', text: 'done', progress: 1 },
    ],
  },
  machine: 'r1-u12',
  notice: 'wiping two disks',
  bootMac: '52:54:00:00:00:01',
  addresses: ['192.0.2.7/24 on eth0'],
  macs: ['52:54:00:00:00:01', '52:54:00:00:00:02'],
  daemon: '192.0.2.1:8443',
  pin: 'pin',
  fingerprint: 'fingerprint',
};
const SIZE = { columns: 60, rows: 20 };

describe("the machine's screen", () => {
  it('shows who it is, where it is, and how its work goes', () => {
    const log = ['[    1.000] one', '[    2.000] two'];
    const lines = screenLines(WORKING, { version: '1', uptimeMs: 3_723_000, log, size: SIZE });
    assert.deepEqual(
      lines.map((line) => line.trimEnd()),
      [
        'Ingot agent 1                                     up 1:02:03',
        '-'.repeat(60),
        'machine      r1-u12',
        'booted from  52:54:00:00:00:01',
        'other NICs   52:54:00:00:00:02',
        'address      192.0.2.7/24 on eth0',
        'fingerprint  fingerprint',
        'daemon       192.0.2.1:8443',
        'its key      pin',
        'stage        working: job-1',
        '  sda        [##########----------]  50 % zero-overwrite',
        '  sdb        [####################] 100 % done',
        '',
        '             wiping two disks',
        '-'.repeat(60),
        ...log,
        '',
        '',
        '',
      ],
    );
  });

  it('wraps long words of trouble, and lets nothing through that a terminal would obey', () => {
    const trouble = `192.0.2.1 is not the daemon that this machine was booted by: its key is ${'A'.repeat(70)}`;
    const standing = { ...STARTING, machine: 'a\x1b[2J\u202eb', trouble };
    const lines = screenLines(standing, { version: '1', uptimeMs: 0, log: ['\x9bx'], size: SIZE });
    const text = lines.join('\n');
    assert.match(text, /machine {6}a\?\[2J\?b/);
    assert.match(text, /TROUBLE {6}192\.0\.2\.1 is not the daemon that this machine\n {13}was booted by/);
    assert.match(text, /^\?x$/m);
  });

  it('has always as many lines as the terminal, and none too long', () => {
    const text = fc.string({ unit: 'binary', maxLength: 200 });
    const size = fc.record({ columns: fc.integer({ min: 1, max: 200 }), rows: fc.integer({ min: 1, max: 60 }) });
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 5 }), fc.double(), size, (word, words, progress, some) => {
        const standing: Standing = {
          ...STARTING,
          base: { stage: 'waiting', text: word },
          operation: { id: word, parts: words.map((name) => ({ name, text: word, progress })) },
          machine: word,
          notice: word,
          trouble: word,
          macs: words,
          addresses: words,
        };
        const lines = screenLines(standing, { version: '1', uptimeMs: 5, log: words, size: some });
        assert.equal(lines.length, some.rows);
        for (const line of lines) assert.match(line, new RegExp(`^[\\x20-\\x7e]{0,${some.columns}}$`));
      }),
      { numRuns: 500 },
    );
  });
});

describe('what a machine does', () => {
  for (const [name, standing, want] of [
    [
      'waits where nothing else is',
      { ...STARTING, base: { stage: 'waiting', text: 'x' } },
      ['waiting', 'x', undefined],
    ],
    ['works, by the mean of its disks', WORKING, ['working', 'job-1: sda zero-overwrite, sdb done', 0.75]],
    ['reads its hardware', { ...STARTING, reading: true }, ['inventory', 'reading the hardware', undefined]],
    ['ends before anything else', { ...WORKING, restarting: 'reboot' }, ['rebooting', 'reboot begins', undefined]],
  ] as const) {
    it(name, () => {
      const { stage, text, progress } = doingOf(standing);
      assert.deepEqual([stage, text, progress], want);
    });
  }

  it('is told in the words of the contract, whatever they hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), fc.double(), (text, progress) => {
        agentStatus.parse(statusOf({ ...STARTING, base: { stage: 'registering', text } }));
        const operation = { id: text, parts: [{ name: text, text, progress }] };
        agentStatus.parse(statusOf({ ...STARTING, operation }));
      }),
      { numRuns: 1000 },
    );
  });
});
