import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type MachineResource, machineResource } from '#machines/contract/api/machine-resource.ts';
import { racksOf } from '../../web/rack/elevation.ts';

const machine = (
  name: string,
  location: { readonly site?: string; readonly rack?: string; readonly unit?: number },
): MachineResource =>
  machineResource.parse({
    kind: 'Machine',
    name,
    location,
    status: {
      rev: 1,
      standing: 'accepted',
      acceptance: 'accepted',
      service: 'none',
      locked: false,
      identifiers: { macs: [], uuids: [], serials: [] },
      facts: {},
      actions: [],
    },
  });

const drawn = (machines: readonly MachineResource[]) =>
  racksOf(machines).map(({ name, rows, loose }) => ({
    name,
    rows: rows.map((row) =>
      row.kind === 'unit' ? `${row.unit}: ${row.machines.map((one) => one.name).join(' ')}` : `${row.from}-${row.to}`,
    ),
    loose: loose.map((one) => one.name),
  }));

describe('racks', () => {
  it('stand from their top to their bottom, long runs of empty units in one row', () => {
    assert.deepEqual(
      drawn([
        machine('a', { rack: 'r1', unit: 1 }),
        machine('b', { rack: 'r1', unit: 9 }),
        machine('c', { rack: 'r1', unit: 3 }),
      ]),
      [{ name: 'r1', rows: ['9: b', '4-8', '3: c', '2-2', '1: a'], loose: [] }],
    );
  });

  it('hold two in one unit, and those whose unit nobody said', () => {
    assert.deepEqual(
      drawn([
        machine('a', { rack: 'r1', unit: 1 }),
        machine('b', { rack: 'r1', unit: 1 }),
        machine('c', { rack: 'r1' }),
      ]),
      [{ name: 'r1', rows: ['1: a b'], loose: ['c'] }],
    );
  });

  it('are in the order of people, site by site; what has no place comes last', () => {
    const racks = racksOf([
      machine('a', { rack: 'r10', unit: 1 }),
      machine('b', {}),
      machine('c', { rack: 'r9', unit: 1 }),
      machine('d', { site: 'berlin', rack: 'r2', unit: 1 }),
    ]);
    assert.deepEqual(
      racks.map(({ site, name }) => `${site} ${name ?? 'none'}`),
      ['berlin r2', 'default r9', 'default r10', 'default none'],
    );
  });
});
