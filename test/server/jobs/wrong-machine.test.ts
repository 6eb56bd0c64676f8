import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Inventory } from '#machines/contract/inventory.ts';
import { ended, INVENTORY, jobWorld } from './job-world.ts';

const DISK = INVENTORY.disks[0] ?? assert.fail();
const withDisks = (...changed: readonly Partial<(typeof INVENTORY.disks)[number]>[]): Partial<Inventory> => ({
  disks: [
    ...INVENTORY.disks.map((disk, index) => ({ ...disk, ...changed[index] })),
    ...changed.slice(2).map((more) => ({ ...DISK, ...more })),
  ],
});
const OTHER_DISKS = withDisks({ serial: 'X-sda' }, { serial: 'X-sdb' });
const system = (uuid: string, serial: string): Partial<Inventory> => ({ system: { uuid, serial } });
const UUID = '00112233-4455-6677-8899-aabbccddeeff';

/** Who answers where m1 was expected, at its address and with its boot token: only the agent's own reading is left. */
const WRONG: readonly (readonly [what: string, answers: Partial<Inventory>, because: RegExp])[] = [
  [
    'whose cable was swapped: m1’s MAC stands on another board, by a document or a switch',
    { ...system('99999999-4455-6677-8899-aabbccddeeff', 'SN9'), ...OTHER_DISKS },
    /another machine answers: uuid 9{8}/,
  ],
  [
    'that got m1’s disks and its NIC moved into another board',
    system('99999999-4455-6677-8899-aabbccddeeff', 'SN9'),
    /another machine answers: uuid/,
  ],
  [
    'with the same UUID, as boards of one batch have, and another serial',
    { ...system(UUID, 'SN2'), nics: [{ name: 'eth0', mac: '52:54:00:00:00:02' }] },
    /another machine answers: serial SN2, planned was SN1/,
  ],
  [
    'with the same UUID and serial of a batch, and other NICs and disks',
    { ...OTHER_DISKS, nics: [{ name: 'eth0', mac: '52:54:00:00:00:02' }] },
    /another machine answers: (mac|disk)/,
  ],
  ['with another serial, all else equal', system(UUID, 'SN2'), /another machine answers: serial SN2/],
  [
    'that says nothing of itself but placeholders and one MAC',
    { system: { uuid: '03000200-0400-0500-0006-000700080009', serial: 'Default string' }, disks: [] },
    /not proven: only mac agrees/,
  ],
  [
    'with two disks of the planned serial',
    withDisks({}, {}, { name: 'sdc', serial: 'S-sda' }),
    /2 disks answer to disk sda/,
  ],
  ['whose disk has another size', withDisks({ bytes: DISK.bytes * 2 }), /had \d+ bytes, now \d+/],
  [
    'whose disk became a member of a ZFS pool',
    withDisks({ signatures: ['zfs_member'] }),
    /shows zfs_member, which the plan/,
  ],
  [
    'whose disk became a Ceph OSD',
    withDisks({}, { signatures: ['ceph_bluestore'] }),
    /shows ceph_bluestore, which the plan/,
  ],
  [
    'whose disk became a volume of LVM',
    withDisks({ signatures: ['LVM2_member'] }),
    /shows LVM2_member, which the plan/,
  ],
];

describe('a machine other than the planned one answers', { timeout: 60_000, concurrency: 4 }, () => {
  for (const [what, answers, because] of WRONG) {
    it(`one ${what}: nothing is written`, async () => {
      await using world = await jobWorld({ answers: { ...INVENTORY, ...answers } });
      const before = await Promise.all(['sda', 'sdb'].map((name) => world.agent.content(name)));
      const { jobs } = await world.daemon();
      const job = await ended(jobs, (await world.submit(jobs, 'reprovision')).id);
      assert.equal(job.state, 'failed');
      assert.match(job.result?.because ?? '', because);
      assert.match(job.result?.next ?? '', /ingot reprovision m1 --plan/);
      for (const [index, name] of ['sda', 'sdb'].entries())
        assert.ok(before[index]?.equals(await world.agent.content(name)), `${name} was written`);
      assert.deepEqual(world.agent.fetched, [], 'no image was read');
      const tries = job.steps.map(({ name, tries }) => [name, tries]);
      assert.deepEqual(tries.slice(0, 3), [
        ['boot-agent', 1],
        ['prove-machine', 1],
        ['wipe-disks', 0],
      ]);
    });
  }
});
