import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Inventory, inventory } from '#machines/contract/inventory.ts';
import type { Plan } from '#machines/contract/job.ts';
import { ceremonyFor, checkConfirmation, PLAN_MS } from '#machines/decide/jobs/confirm.ts';
import { makePlan, type PlanRequest } from '#machines/decide/jobs/make-plan.ts';
import { matchDisks, proveMachine } from '#machines/decide/jobs/prove-machine.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';

const GIB = 2 ** 30;
type DiskInput = { name: string; serial?: string | undefined; bytes?: number } & Record<string, unknown>;
const disk = ({ name, ...more }: DiskInput) => ({
  name,
  serial: `S-${name}`,
  bytes: 100 * GIB,
  transport: 'sata',
  ...more,
});
const seen = (disks: readonly DiskInput[], more: object = {}): Inventory =>
  inventory.parse({
    source: 'agent',
    at: 5,
    system: { uuid: '4c4c4544-0042-3010-8051-b4c04f4d3232', serial: 'B0B1' },
    nics: [{ mac: '52:54:00:00:00:01' }],
    disks: disks.map(disk),
    ...more,
  });
const machine = (more: object = {}) => sampleMachine({ name: 'r1-u1', macs: ['52:54:00:00:00:01'], ...more });
const profile = { name: 'debian', image: 'debian-12', imageSha256: 'ab'.repeat(32), bytes: 3 * GIB };
const planOf = (more: Partial<PlanRequest>): Plan => ({
  ...makePlan({
    kind: 'wipe',
    machine: machine(),
    inventory: seen([{ name: 'sda' }, { name: 'sdb' }]),
    sharedWwns: new Set(),
    now: 1000,
    ...more,
  }),
  id: 'p1',
  digest: 'd1',
});
const acts = (plan: Plan) => plan.disks.map(({ name, act, because }) => `${name} ${act}: ${because}`);

describe('a plan', () => {
  it('to wipe takes every local disk', () => {
    const plan = planOf({});
    assert.deepEqual(acts(plan), ['sda wipe: everything on it is erased', 'sdb wipe: everything on it is erased']);
    assert.deepEqual(plan.refusals, []);
    assert.deepEqual(plan.acknowledge, []);
    assert.deepEqual(plan.steps, ['boot-agent', 'prove-machine', 'wipe-disks']);
  });

  describe('and drives that are no disks to the agent', () => {
    const drive = { name: '', location: 'Bay 1' };
    const bmc = (...drives: readonly object[]): Inventory =>
      seen(
        drives.map((one) => ({ ...drive, ...one })),
        { source: 'bmc', at: 0 },
      );
    const inBand = seen([{ name: 'sda', wwn: 'naa.5000c500a1b2c3d4', serial: 'ZL0ABCDE0000C123' }]);
    const hiddenOf = (outOfBand: Inventory | undefined, inventory = inBand): readonly string[] =>
      planOf({ inventory, outOfBand })
        .disks.filter(({ act }) => act === 'unreachable')
        .map(({ name, serial }) => `${name} ${serial ?? 'no serial'}`);
    const raid = seen([{ name: 'sda', transport: 'raid', serial: 'VD0' }]);
    for (const [what, outOfBand, inventory, want] of [
      ['none without a BMC', undefined, inBand, []],
      ['the same serial, whatever its case', bmc({ serial: 'zl0abcde0000c123 ' }), inBand, []],
      ['a serial that the firmware cut', bmc({ serial: 'ZL0ABCDE' }), inBand, []],
      ['the same WWN', bmc({ serial: 'OTHER', wwn: '5000C500A1B2C3D4' }), inBand, []],
      ['another serial', bmc({ serial: 'ZL0ABCDE' }, { serial: 'ZL0ZZZZZ' }), inBand, ['Bay 1 ZL0ZZZZZ']],
      ['one without a name, of its size', bmc({ serial: undefined }), inBand, []],
      ['two without a name', bmc({ serial: undefined }, { serial: undefined }), inBand, ['Bay 1 no serial']],
      ['a BMC’s volume', bmc({ serial: undefined, model: 'Volume RAID1', bytes: 5 }), inBand, []],
      ['a volume instead of its drives', bmc({ serial: 'D1' }, { serial: 'D2' }), raid, ['Bay 1 D1', 'Bay 1 D2']],
      ['a volume that nobody explains', bmc(), raid, ['drives of sda no serial']],
    ] as const) {
      it(what, () => assert.deepEqual(hiddenOf(outOfBand, inventory), want));
    }

    it('stand in its table, refuse nothing, and are no matter to who names other disks, or installs', () => {
      const outOfBand = bmc({ serial: 'D1' });
      const plan = planOf({ inventory: inBand, outOfBand });
      assert.deepEqual(acts(plan), [
        'sda wipe: everything on it is erased',
        'Bay 1 unreachable: its BMC told of it at 1970-01-01T00:00:00.000Z; it is no disk to the agent',
      ]);
      assert.deepEqual(plan.refusals, []);
      assert.equal(matchDisks(plan, inBand).kind, 'match');
      const only = planOf({ inventory: inBand, outOfBand, only: ['ZL0ABCDE0000C123'] });
      assert.equal(only.disks[1]?.act, 'leave-alone');
      assert.match(planOf({ inventory: inBand, outOfBand, only: ['D1'] }).refusals[0]?.because ?? '', /can be reached/);
      assert.equal(planOf({ kind: 'install', profile, inventory: inBand, outOfBand }).disks.length, 1);
    });
  });

  it('by a network installer has its steps, and only for a disk that a script can name', () => {
    const installer = { name: 'debian', image: 'netboot', os: 'installer' } as const;
    const planned = (more: object) =>
      planOf({ kind: 'install', profile: installer, inventory: seen([{ name: 'sda', ...more }]) });
    const plan = planned({});
    assert.deepEqual(plan.steps, ['boot-agent', 'prove-machine', 'boot-installer', 'await-report']);
    assert.deepEqual(plan.refusals, []);
    assert.equal(plan.imageSha256, undefined);
    assert.match(planned({ serial: undefined }).refusals[0]?.because ?? '', /no serial or WWN/);
    assert.match(planned({ serial: 'a b' }).refusals[0]?.because ?? '', /no serial or WWN/);
    assert.deepEqual(planned({ serial: undefined, wwn: 'naa.5002538e40a1b2c3' }).refusals, []);
  });

  it('to install Bottlerocket wants its labels on no other disk, unless the job erases that one too', () => {
    const inventory = seen([{ name: 'sda' }, { name: 'sdb', signatures: ['gpt', 'gpt:BOTTLEROCKET-DATA'] }]);
    const request = { inventory, machine: machine({ disks: { install: { serial: 'S-sda' } } }) };
    const refusalsOf = (kind: PlanRequest['kind'], os?: 'bottlerocket') =>
      planOf({ ...request, kind, profile: { ...profile, ...(os ? { os } : {}) } }).refusals;
    assert.deepEqual(refusalsOf('install', 'bottlerocket'), [
      {
        because: 'sdb holds a Bottlerocket too, and would be taken for this one',
        next: 'ingot wipe r1-u1 --disk S-sdb',
      },
    ]);
    assert.deepEqual(refusalsOf('reprovision', 'bottlerocket'), []);
    assert.deepEqual(refusalsOf('install'), []);
  });

  it('names what cannot be written beside the image', () =>
    assert.deepEqual(
      planOf({
        kind: 'reprovision',
        machine: machine({ disks: { install: { serial: 'S-sda' } } }),
        profile: { ...profile, problems: [{ key: 'settings.x', because: 'unknown' }] },
      }).refusals,
      [{ because: 'settings.x: unknown', next: 'ingot explain r1-u1 --config' }],
    ));

  it('leaves alone what is not in the machine, can be pulled out, or is shared', () => {
    const plan = planOf({
      inventory: seen([
        { name: 'sda' },
        { name: 'sdb', transport: 'fc' },
        { name: 'sdc', transport: 'iscsi' },
        { name: 'sdd', transport: 'usb' },
        { name: 'sde', removable: true },
        { name: 'sdf', readonly: true },
        { name: 'sdg', wwn: 'naa.5' },
        { name: 'sdh', bytes: 0 },
        { name: 'sdi', signatures: ['mpath_member'] },
      ]),
      sharedWwns: new Set(['naa.5']),
    });
    assert.deepEqual(acts(plan), [
      'sda wipe: everything on it is erased',
      'sdb leave-alone: Fibre Channel: it is not in this machine',
      'sdc leave-alone: iSCSI: it is not in this machine',
      'sdd leave-alone: USB: it may be a stick or a BMC’s virtual media',
      'sde leave-alone: removable',
      'sdf leave-alone: read-only',
      'sdg leave-alone: another machine shows the same WWN',
      'sdh leave-alone: no medium, or its size could not be read',
      'sdi leave-alone: a path of a multipath device',
    ]);
  });

  it('never touches a disk that the document keeps, by serial or WWN, however it is written', () => {
    const plan = planOf({
      machine: machine({ disks: { keep: ['s-sda ', 'NAA.7'] } }),
      inventory: seen([{ name: 'sda' }, { name: 'sdb', wwn: 'naa.7' }, { name: 'sdc' }]),
    });
    assert.deepEqual(
      plan.disks.map(({ act }) => act),
      ['keep', 'keep', 'wipe'],
    );
  });

  it('to install takes the only free disk', () => {
    const plan = planOf({
      kind: 'install',
      profile,
      inventory: seen([{ name: 'sda' }, { name: 'sdb', transport: 'usb' }]),
    });
    assert.deepEqual(acts(plan), [
      'sda write: written with debian-12',
      'sdb leave-alone: USB: it may be a stick or a BMC’s virtual media',
    ]);
    assert.equal(plan.imageSha256, profile.imageSha256);
  });

  it('to install refuses to choose between two', () => {
    const plan = planOf({ kind: 'install', profile });
    assert.match(plan.refusals[0]?.because ?? '', /2 disks could be meant: S-sda, S-sdb/);
    assert.equal(plan.disks.filter(({ act }) => act === 'write').length, 0);
  });

  for (const [what, install, because] of [
    ['a serial that two disks have', { serial: 'TWIN' }, /2 disks could be meant/],
    ['a serial that no disk has', { serial: 'OTHER' }, /no free disk has serial or WWN OTHER/],
    ['a serial and the WWN of another disk', { serial: 'S-sdc', wwn: 'naa.1' }, /no free disk/],
  ] as const) {
    it(`to install refuses ${what}`, () => {
      const plan = planOf({
        kind: 'install',
        profile,
        machine: machine({ disks: { install } }),
        inventory: seen([
          { name: 'sda', serial: 'TWIN', wwn: 'naa.1' },
          { name: 'sdb', serial: 'TWIN' },
          { name: 'sdc' },
        ]),
      });
      assert.match(plan.refusals[0]?.because ?? '', because);
    });
  }

  it('to install takes the disk that is named, and leaves the others', () => {
    const plan = planOf({ kind: 'install', profile, machine: machine({ disks: { install: { serial: 'S-sdb' } } }) });
    assert.deepEqual(acts(plan), ['sda leave-alone: not the disk to install on', 'sdb write: written with debian-12']);
  });

  it('to reprovision erases all and writes one', () => {
    const plan = planOf({
      kind: 'reprovision',
      profile,
      machine: machine({ disks: { install: { serial: 'S-sdb' } } }),
    });
    assert.deepEqual(acts(plan), [
      'sda wipe: everything on it is erased',
      'sdb write: erased, then written with debian-12',
    ]);
  });

  it('refuses a disk that is smaller than the image', () => {
    const plan = planOf({ kind: 'install', profile, inventory: seen([{ name: 'sda', bytes: GIB }]) });
    assert.match(plan.refusals[0]?.because ?? '', /the image needs 3221225472 bytes, sda only 1073741824/);
  });

  it('is refused where nobody knows the disks', () => {
    assert.match(planOf({ inventory: undefined }).refusals[0]?.next ?? '', /^ingot inspect r1-u1$/);
  });

  for (const [signature, means] of [
    ['zfs_member', /ZFS/],
    ['ceph_bluestore', /Ceph/],
    ['LVM2_member', /LVM/],
    ['linux_raid_member', /Linux RAID/],
    ['crypto_LUKS', /LUKS/],
    ['VMFS_volume_member', /VMFS/],
    ['BitLocker', /BitLocker/],
    ['ddf_raid_member', /controller/],
    ['isw_raid_member', /controller/],
    ['gpt:EPHEMERAL', /Talos/],
    ['gpt:BOTTLEROCKET-DATA', /Bottlerocket/],
  ] as const) {
    it(`is held by ${signature} until its serial is said`, () => {
      const plan = planOf({ inventory: seen([{ name: 'sda', signatures: ['gpt', signature] }]) });
      assert.match(plan.acknowledge[0]?.what ?? '', means);
      assert.equal(plan.acknowledge[0]?.say, 'S-sda');
      const given = { digest: 'd1', at: 1000 };
      assert.equal(checkConfirmation(plan, { ...given, said: [] }).kind, 'refused');
      assert.equal(checkConfirmation(plan, { ...given, said: ['S-sda'] }).kind, 'confirmed');
      assert.equal(ceremonyFor([plan]).kind, 'count');
    });
  }

  it('is not held by plain file systems', () => {
    const plan = planOf({ inventory: seen([{ name: 'sda', signatures: ['gpt', 'ext4', 'xfs', 'swap', 'vfat'] }]) });
    assert.deepEqual(plan.acknowledge, []);
  });

  it('is not held by what is on a disk that it leaves alone', () => {
    const plan = planOf({
      machine: machine({ disks: { keep: ['S-sdb'] } }),
      inventory: seen([{ name: 'sda' }, { name: 'sdb', signatures: ['zfs_member'] }]),
    });
    assert.deepEqual(plan.acknowledge, []);
  });

  it('asks for the machine’s name where a disk has neither serial nor WWN, or one identifier is all there is', () => {
    const plan = planOf({ inventory: seen([{ name: 'vda', serial: undefined }]) });
    assert.deepEqual(
      plan.acknowledge.map(({ say }) => say),
      ['r1-u1'],
    );
    const bare = planOf({ inventory: seen([{ name: 'vda', serial: undefined }], { system: {} }) });
    assert.equal(bare.acknowledge.length, 2);
  });
});

describe('a confirmation', () => {
  for (const [what, given, want] of [
    ['the digest of the plan', { digest: 'd1', said: [], at: 2000 }, 'confirmed'],
    ['another digest', { digest: 'd2', said: [], at: 2000 }, 'refused'],
    ['a plan that has grown old', { digest: 'd1', said: [], at: 1001 + PLAN_MS }, 'refused'],
  ] as const) {
    it(`by ${what} is ${want}`, () => assert.equal(checkConfirmation(planOf({}), given).kind, want));
  }

  it('of a refused plan is refused whatever is said', () => {
    const plan = planOf({ inventory: undefined });
    assert.equal(checkConfirmation(plan, { digest: 'd1', said: ['r1-u1'], at: 1000 }).kind, 'refused');
  });

  it('of more than four machines waits', () => {
    assert.deepEqual(ceremonyFor([planOf({})]), { kind: 'yes', waitSeconds: 0 });
    assert.deepEqual(ceremonyFor(Array.from({ length: 5 }, () => planOf({}))), { kind: 'count', waitSeconds: 30 });
  });
});

describe('before the first byte', () => {
  const planned = planOf({});
  for (const [what, now, want] of [
    ['the same machine', seen([{ name: 'sda' }, { name: 'sdb' }]), 'proven'],
    [
      'the same board with other NICs',
      seen([{ name: 'sda' }], { nics: [{ mac: '52:54:00:00:00:99' }] }),
      'another machine answers: mac',
    ],
    [
      'a board with another serial',
      seen([{ name: 'sda' }], { system: { serial: 'X1X2' } }),
      'another machine answers: serial',
    ],
    [
      'a board with another UUID',
      seen([{ name: 'sda' }], { system: { uuid: '11111111-2222-3333-4444-555555555556' } }),
      'another machine answers: uuid',
    ],
    [
      'the same UUID in the other byte order',
      seen([{ name: 'sda' }], { system: { uuid: '44454c4c-4200-1030-8051-b4c04f4d3232', serial: 'B0B1' } }),
      'proven',
    ],
    ['one that shows its MAC only', seen([{ name: 'vda', serial: undefined }], { system: {} }), 'only mac'],
    ['other disks in the same board', seen([{ name: 'sda', serial: 'NEW' }]), 'another machine answers: disk'],
  ] as const) {
    it(`${what}: ${want}`, () => {
      const proof = proveMachine(planned.identifiers, now, false);
      const text = proof.kind === 'proven' ? proof.kind : proof.because;
      assert.ok(text.includes(want), text);
    });
  }

  it('one identifier is enough where that was acknowledged', () => {
    const bare = seen([{ name: 'vda', serial: undefined }], { system: {} });
    const plan = planOf({ inventory: bare });
    assert.equal(proveMachine(plan.identifiers, bare, false).kind, 'refused');
    assert.equal(proveMachine(plan.identifiers, bare, true).kind, 'proven');
  });

  for (const [what, disks, want] of [
    ['as planned', [{ name: 'sda' }, { name: 'sdb' }], 'match'],
    [
      'under other names',
      [
        { name: 'sdb', serial: 'S-sda' },
        { name: 'sda', serial: 'S-sdb' },
      ],
      'match',
    ],
    ['one is gone', [{ name: 'sda' }], 'not there any more'],
    ['one has another size', [{ name: 'sda' }, { name: 'sdb', bytes: GIB }], 'bytes'],
    ['one has a new signature', [{ name: 'sda' }, { name: 'sdb', signatures: ['zfs_member'] }], 'shows zfs_member'],
    [
      'two answer to one serial',
      [{ name: 'sda' }, { name: 'sdb' }, { name: 'sdc', serial: 'S-sdb' }],
      '2 disks answer',
    ],
    ['one more than planned', [{ name: 'sda' }, { name: 'sdb' }, { name: 'sdc' }], 'sdc (S-sdc) is there too'],
    ['a stick more than planned', [{ name: 'sda' }, { name: 'sdb' }, { name: 'sdc', transport: 'usb' }], 'match'],
    ['one has a WWN that it did not have', [{ name: 'sda' }, { name: 'sdb', wwn: 'naa.1' }], 'not there any more'],
  ] as const) {
    it(`the disks, ${what}: ${want}`, () => {
      const result = matchDisks(planned, seen(disks));
      const text = result.kind === 'match' ? 'match' : result.because;
      assert.ok(text.includes(want), text);
    });
  }
});
