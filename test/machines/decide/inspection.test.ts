import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { machineDocument } from '#machines/contract/documents.ts';
import { inventory } from '#machines/contract/inventory.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { conflictsOf, factsOf, type Inspection, inspectionOf, standingOf } from '#machines/decide/inspection.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { parseUuid, uuidByteSwapped } from '#machines/values/uuid.ts';

const mac = (number: number) => sure(parseMacAddress(`52:54:00:00:00:0${number}`));
const UUID = sure(parseUuid('11223344-5566-7788-9900-aabbccddeeff'));
const SWAPPED = uuidByteSwapped(UUID);
const OTHER = sure(parseUuid('99999999-2222-3333-4444-555555555555'));
const BLANK = sure(parseUuid('00000000-0000-0000-0000-000000000000'));

const machine = (
  name: string,
  macs: readonly number[],
  more: { readonly document?: object; readonly machine?: Partial<Machine> } = {},
): Machine => ({
  document: machineDocument.parse({ kind: 'Machine', name, macs: macs.map(mac), ...more.document }),
  acceptance: 'accepted',
  service: 'none',
  locked: false,
  identifiers: { macs: macs.map(mac), uuids: [], serials: [] },
  facts: {},
  rev: 1,
  ...more.machine,
});
const shown = (macs: readonly number[], more: Partial<Inspection> = {}): Inspection => ({
  macs: macs.map(mac),
  uuid: undefined,
  serial: undefined,
  ...more,
});
const identifiers = (more: Partial<Machine['identifiers']>) => ({ macs: [], uuids: [], serials: [], ...more });

const TABLE: readonly {
  readonly name: string;
  readonly given: readonly [Machine, Inspection, readonly Machine[]];
  readonly want: readonly RegExp[];
}[] = [
  { name: 'the machine that was written down fits', given: [machine('a', [1]), shown([1, 2]), []], want: [] },
  {
    name: 'a card that is another machine’s: swapped between two servers',
    given: [machine('a', [1]), shown([1, 2]), [machine('b', [2])]],
    want: [/^its card 52:54:00:00:00:02 is b’s too$/],
  },
  {
    name: 'a card that was taken for a machine of its own says how to put that right',
    given: [machine('a', [1]), shown([1, 2]), [machine('m-2', [2], { machine: { acceptance: 'seen' } })]],
    want: [/m-2’s too, which was only seen: ingot machine remove m-2/],
  },
  {
    name: 'a card that is written down and is not in it',
    given: [machine('a', [1, 2]), shown([1]), []],
    want: [/^its card 52:54:00:00:00:02 is not in it$/],
  },
  {
    name: 'a UUID that another machine has',
    given: [machine('a', [1]), shown([1], { uuid: UUID }), [machine('b', [3], { document: { uuid: UUID } })]],
    want: [/its UUID 11223344.* is b’s too/],
  },
  {
    name: 'a blank UUID is nobody’s, however many have it',
    given: [
      machine('a', [1]),
      shown([1], { uuid: BLANK }),
      [machine('b', [3], { machine: { identifiers: identifiers({ uuids: [BLANK] }) } })],
    ],
    want: [],
  },
  {
    name: 'a serial that another machine has',
    given: [
      machine('a', [1]),
      shown([1], { serial: 'S4X1' }),
      [machine('b', [3], { machine: { identifiers: identifiers({ serials: ['s4x1 '] }) } })],
    ],
    want: [/its serial S4X1 is b’s too/],
  },
  {
    name: 'a serial that nobody ever set is nobody’s',
    given: [
      machine('a', [1], { machine: { identifiers: identifiers({ serials: ['Not Specified'] }) } }),
      shown([1], { serial: 'To be filled by O.E.M.' }),
      [machine('b', [3], { machine: { identifiers: identifiers({ serials: ['To be filled by O.E.M.'] }) } })],
    ],
    want: [],
  },
  {
    name: 'another board under the same card',
    given: [
      machine('a', [1], { machine: { identifiers: identifiers({ macs: [mac(1)], uuids: [UUID, OTHER] }) } }),
      shown([1], { uuid: OTHER }),
      [],
    ],
    want: [/its UUID was 11223344.* and is 99999999.*: another board\? ingot edit machine a/],
  },
  {
    name: 'the board that an operator wrote down, whatever was seen before',
    given: [
      machine('a', [1], { document: { uuid: OTHER }, machine: { identifiers: identifiers({ uuids: [UUID, OTHER] }) } }),
      shown([1], { uuid: OTHER }),
      [],
    ],
    want: [],
  },
  {
    name: 'firmware that writes the same UUID in the other order',
    given: [
      machine('a', [1], { machine: { identifiers: identifiers({ uuids: [SWAPPED] }) } }),
      shown([1], { uuid: UUID }),
      [],
    ],
    want: [],
  },
  {
    name: 'another serial than was written down',
    given: [machine('a', [1], { document: { serial: 'S4X1' } }), shown([1], { serial: 'S4X2' }), []],
    want: [/its serial was S4X1 and is S4X2/],
  },
];

describe('what an inspection contradicts', () => {
  for (const { name, given, want } of TABLE) {
    it(name, () => {
      const found = conflictsOf(...given);
      assert.equal(found.length, want.length, found.join('; '));
      for (const [index, words] of want.entries()) assert.match(found[index] ?? '', words);
    });
  }
});

describe('an inventory', () => {
  const read = inventory.parse({
    source: 'agent',
    at: 1,
    system: { uuid: UUID, serial: 'S1', manufacturer: 'Maker' },
    processors: [{ cores: 8 }, { cores: 8 }],
    memory: { totalBytes: 64 * 2 ** 30 },
    disks: [
      { name: 'sda', bytes: 480_000_000_000 },
      { name: 'sdb', bytes: 16_000_000_000, removable: true },
    ],
    nics: [{ mac: '02:00:00:00:00:01', permanentMac: mac(1) }, { mac: mac(2) }, { mac: 'no address' }],
    gpus: ['one', 'two'],
  });

  it('is the machine’s burnt-in cards, UUID and serial', () => {
    assert.deepEqual(inspectionOf(read), { macs: [mac(1), mac(2)], uuid: UUID, serial: 'S1' });
  });

  it('gives facts that classes select by, and none for what is not known', () => {
    const facts = factsOf(read);
    assert.equal(facts['cpu.cores'], 16);
    assert.equal(facts['memory.gib'], 64);
    assert.equal(facts['disk.count'], 1);
    assert.equal(facts['disk.gb'], 480);
    assert.equal(facts['gpu.count'], 2);
    assert.equal(facts['inspected'], true);
    assert.ok(!('secure-boot' in facts) && !('product' in facts));
    assert.ok(!('inspected' in factsOf({ ...read, source: 'bmc' })));
  });
});

describe('how a machine stands', () => {
  const inspected = { inspected: { value: true, at: 1, source: 'agent' } } as const;
  for (const [acceptance, service, facts, want] of [
    ['seen', 'none', {}, 'seen'],
    ['seen', 'none', inspected, 'discovered'],
    ['accepted', 'none', {}, 'accepted'],
    ['accepted', 'none', inspected, 'ready'],
    ['accepted', 'adopted', inspected, 'adopted'],
    ['rejected', 'none', inspected, 'rejected'],
  ] as const) {
    it(`${acceptance}, ${service}${'inspected' in facts ? ', inspected' : ''}: ${want}`, () => {
      assert.equal(standingOf({ acceptance, service, facts }), want);
    });
  }
});
