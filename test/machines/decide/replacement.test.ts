import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { machineDocument } from '#machines/contract/documents.ts';
import { inventory } from '#machines/contract/inventory.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { planReplacement } from '#machines/decide/replacement.ts';

const MINUTE = 60_000;
const NOW = 1_000 * MINUTE;

const old = (document: object = {}, more: Partial<Machine> = {}): Machine => ({
  document: machineDocument.parse({
    kind: 'Machine',
    name: 'r1-u12',
    macs: ['52:54:00:00:00:01'],
    serial: 'OLD',
    address: '192.0.2.12',
    labels: { rack: 'r1' },
    bmc: { type: 'redfish', address: 'https://10.0.0.12', credential: 'rack1' },
    ...document,
  }),
  acceptance: 'accepted',
  service: 'none',
  locked: false,
  identifiers: { macs: [], uuids: [], serials: ['OLD'] },
  facts: {},
  firstSeen: MINUTE,
  lastSeen: 100 * MINUTE,
  rev: 4,
  ...more,
});
const by = (document: object = {}, more: Partial<Machine> = {}): Machine => ({
  document: machineDocument.parse({ kind: 'Machine', name: 'm-9', macs: ['52:54:00:00:00:09'], ...document }),
  acceptance: 'seen',
  service: 'none',
  locked: false,
  identifiers: { macs: [], uuids: [], serials: ['NEW'] },
  facts: {},
  firstSeen: 990 * MINUTE,
  lastSeen: NOW,
  rev: 1,
  ...more,
});
const hardware = (more: object = {}) => inventory.parse({ source: 'agent', at: 1, ...more });
const plan = (more: Partial<Parameters<typeof planReplacement>[0]> = {}) =>
  planReplacement({ old: old(), by: by(), inventory: undefined, jobs: [], now: NOW, ...more });

describe('other hardware in a machine’s place', () => {
  it('keeps what a person wrote down, and takes the identifiers of the new', () => {
    const made = plan();
    assert.ok(made.kind === 'possible');
    assert.deepEqual(made.conflicts, []);
    const { document } = made;
    assert.equal(document.name, 'r1-u12');
    assert.deepEqual(document.macs, ['52:54:00:00:00:09']);
    assert.equal(document.serial, 'NEW');
    assert.equal(document.address, '192.0.2.12');
    assert.equal(document.bmc?.credential, 'rack1');
    assert.deepEqual(document.labels, { rack: 'r1' });
    assert.match(made.moves.join('\n'), /serial OLD becomes NEW/);
  });

  for (const [name, given, because] of [
    ['a locked machine', { old: old({}, { locked: true }) }, /r1-u12 is locked/],
    ['locked hardware', { by: by({}, { locked: true }) }, /m-9 is locked/],
    ['a machine with itself', { by: old() }, /its own place/],
    ['by what nobody could tell', { by: by({ macs: [] }) }, /nothing is known of m-9/],
  ] as const) {
    it(`is refused: ${name}`, () => {
      const made = plan(given);
      assert.ok(made.kind === 'refused');
      assert.match(made.because, because);
    });
  }

  for (const [name, given, conflict] of [
    ['both run', { old: old({}, { lastSeen: NOW - MINUTE }) }, /heard 1 minutes ago: both may be running/],
    ['the new one was rejected', { by: by({}, { acceptance: 'rejected' }) }, /m-9 was rejected/],
    ['the new one is in service', { by: by({}, { service: 'adopted' }) }, /m-9 is adopted/],
    ['the new one has an address', { by: by({ address: '192.0.2.99' }) }, /the address 192\.0\.2\.99 of its own/],
    ['the new one has labels', { by: by({ labels: { a: 'b' } }) }, /labels a=b of its own/],
    [
      'the new one is itself in doubt',
      { by: by({}, { facts: { 'inventory.conflict': { value: 'its UUID is x’s too', at: 1, source: 'agent' } } }) },
      /m-9: its UUID is x’s too/,
    ],
    [
      'the disk to install on did not come along',
      {
        old: old({ disks: { install: { serial: 'D1' } } }),
        inventory: hardware({ disks: [{ serial: 'D2', bytes: 1 }] }),
      },
      /names D1, which is not in the new hardware/,
    ],
    [
      'the BMC is another',
      { inventory: hardware({ bmc: { address: '10.0.0.99' } }) },
      /at 10\.0\.0\.12, the new board says 10\.0\.0\.99/,
    ],
  ] as const) {
    it(`shows a conflict: ${name}`, () => {
      const made = plan(given);
      assert.ok(made.kind === 'possible');
      assert.equal(made.conflicts.length, 1, made.conflicts.join('; '));
      assert.match(made.conflicts[0] ?? '', conflict);
    });
  }

  it('is none where the install disk was carried over and the BMC has the old address', () => {
    const made = plan({
      old: old({ disks: { install: { serial: 'D1' } } }),
      inventory: hardware({ disks: [{ serial: 'D1', bytes: 1 }], bmc: { address: '10.0.0.12' } }),
    });
    assert.ok(made.kind === 'possible');
    assert.deepEqual(made.conflicts, []);
  });
});
