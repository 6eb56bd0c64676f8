import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { machineDocument } from '#machines/contract/documents.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { type Identified, type Identifiers, identify, isPlaceholderSerial } from '#machines/decide/identity.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { parseUuid } from '#machines/values/uuid.ts';

const mac = (last: number) => sure(parseMacAddress(`52:54:00:00:00:0${last}`));
const UUID = '12345678-1234-5678-9abc-def012345678';
const SWAPPED = '78563412-3412-7856-9abc-def012345678';
const OTHER = '99999999-1234-5678-9abc-def012345678';
const uuid = (text: string) => sure(parseUuid(text));

const machine = (name: string, declared: object, identifiers: Partial<Machine['identifiers']> = {}): Machine => ({
  document: machineDocument.parse({ kind: 'Machine', name, ...declared }),
  acceptance: 'accepted',
  service: 'none',
  locked: false,
  identifiers: { macs: [], uuids: [], serials: [], ...identifiers },
  facts: {},
  rev: 1,
});

const A = machine('a', { macs: [mac(1)], uuid: UUID, serial: 'S1' });
const B = machine('b', { macs: [mac(2)], serial: 'S2' });

const TABLE: readonly {
  readonly name: string;
  readonly shown: Identifiers;
  readonly among?: readonly Machine[];
  readonly want: Identified['kind'] | readonly string[];
  readonly saying?: RegExp;
}[] = [
  { name: 'nothing known is new', shown: { mac: mac(9), uuid: uuid(OTHER), serial: 'S9' }, want: 'new' },
  { name: 'a MAC of the document', shown: { mac: mac(1) }, want: ['a'] },
  { name: 'a MAC that was seen', shown: { mac: mac(3) }, among: [machine('c', {}, { macs: [mac(3)] })], want: ['c'] },
  { name: 'a further NIC by its UUID', shown: { mac: mac(9), uuid: uuid(UUID) }, want: ['a'] },
  { name: 'a UUID in the other byte order', shown: { mac: mac(9), uuid: uuid(SWAPPED) }, want: ['a'] },
  { name: 'MAC and swapped UUID agree', shown: { mac: mac(1), uuid: uuid(SWAPPED), serial: 'S1' }, want: ['a'] },
  { name: 'a serial, whatever its case', shown: { mac: mac(9), serial: ' s2 ' }, want: ['b'] },
  {
    name: 'a UUID that was only seen makes no two boards one',
    shown: { mac: mac(9), uuid: uuid(OTHER) },
    among: [machine('c', { macs: [mac(3)] }, { uuids: [uuid(OTHER)] })],
    want: 'new',
  },
  {
    name: 'a NIC that moved to another machine',
    shown: { mac: mac(2), uuid: uuid(UUID), serial: 'S1' },
    want: 'conflict',
    saying: /^MAC 52:54:00:00:00:02 is b's, but UUID .* and serial S1 is a's$/,
  },
  {
    name: 'UUID and serial of two machines',
    shown: { mac: mac(9), uuid: uuid(UUID), serial: 'S2' },
    want: 'conflict',
    saying: /is a's, but serial S2 is b's/,
  },
  {
    name: 'its MAC, but not the UUID that was written down',
    shown: { mac: mac(1), uuid: uuid(OTHER) },
    want: 'conflict',
    saying: /is a's, but its UUID is 1234.*, not 9999/,
  },
  {
    name: 'its UUID, but not the serial that was written down',
    shown: { mac: mac(9), uuid: uuid(UUID), serial: 'S7' },
    want: 'conflict',
    saying: /its serial is S1, not S7/,
  },
  {
    name: 'a placeholder contradicts nothing',
    shown: { mac: mac(1), uuid: uuid('03000200-0400-0500-0006-000700080009'), serial: 'Default string' },
    want: ['a'],
  },
  {
    name: 'a placeholder that was written down identifies nobody',
    shown: { mac: mac(9), serial: 'To be filled by O.E.M.' },
    among: [machine('c', { serial: 'To be filled by O.E.M.' })],
    want: 'new',
  },
  {
    name: 'a MAC that no NIC should have identifies nobody',
    shown: { mac: sure(parseMacAddress('ff:ff:ff:ff:ff:ff')) },
    among: [machine('c', { macs: ['ff:ff:ff:ff:ff:ff'] })],
    want: 'new',
  },
];

describe('identity', () => {
  for (const { name, shown, among = [A, B], want, saying } of TABLE) {
    it(name, () => {
      for (const order of [among, among.toReversed()]) {
        const found = identify(shown, order);
        if (typeof want === 'string') assert.equal(found.kind, want);
        else assert.equal(found.kind === 'match' && found.name, want[0]);
        if (saying) assert.match(found.kind === 'conflict' ? found.because : '', saying);
      }
    });
  }

  it('who has the MAC stands first in a conflict', () => {
    const found = identify({ mac: mac(2), uuid: uuid(UUID) }, [A, B]);
    assert.deepEqual(found.kind === 'conflict' && found.names, ['b', 'a']);
  });

  it('knows what boards say whose serial was never set', () => {
    for (const serial of [
      'Default string',
      'TO BE FILLED BY O.E.M.',
      '0123456789',
      '........',
      ' ',
      'System Serial Number',
    ])
      assert.equal(isPlaceholderSerial(serial), true, serial);
    for (const serial of ['S1', 'CZ1234567', '0123456780']) assert.equal(isPlaceholderSerial(serial), false, serial);
  });
});
