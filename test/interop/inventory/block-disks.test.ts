import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { blockDisks } from '#machines/agent/disks/block-disks.ts';
import { wipeDisk } from '#machines/agent/disks/wipe-disk.ts';
import { readDiskFacts } from '#machines/agent/inventory/read-disks.ts';
import { openSource } from '#machines/agent/inventory/source.ts';
import { linuxHost } from '#machines/agent/linux-host.ts';
import { need } from '../../lab/need.ts';
import { putGpt } from '../../machines/agent/inventory/disk-images.ts';

// Real block devices of the kernel: loop devices over files that the tests make.
const MIB = 2 ** 20;
const never = new AbortController().signal;
const host = linuxHost();

type Loop = { readonly name: string; readonly file: string; readonly told: string[] };

/** Skips where the kernel or the rights for loop devices are missing. */
async function onLoop(t: TestContext, work: (loop: Loop) => Promise<void>, image?: Uint8Array): Promise<void> {
  const tools = need(t, ['root', 'losetup']);
  if (!tools) return;
  const folder = await mkdtemp(join(tmpdir(), 'ingot-loop-'));
  const file = join(folder, 'disk');
  await writeFile(file, image ?? '');
  await truncate(file, 8 * MIB);
  const { status, stdout, stderr } = spawnSync(tools.losetup, ['-f', '-P', '--show', file], { encoding: 'utf8' });
  try {
    if (status !== 0) return t.skip(`needs loop devices: ${stderr.trim()}`);
    const device = stdout.trim();
    try {
      await work({ name: device.slice('/dev/'.length), file, told: [] });
    } finally {
      execFileSync(tools.losetup, ['-d', device]);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

const disksOf = ({ told }: Loop) => blockDisks({ host, told: (text) => told.push(text) });

async function rangesOf(loop: Loop) {
  await using disk = await disksOf(loop).open(loop.name);
  return disk.ranges;
}

describe('a block device', () => {
  it('is known through its descriptor, and what is written is on it', (t) =>
    onLoop(
      t,
      async (loop) => {
        const bytes = Uint8Array.from({ length: 4096 }, (_, index) => index & 0xff);
        {
          await using disk = await disksOf(loop).open(loop.name);
          assert.equal(disk.identity.bytes, 8 * MIB);
          assert.equal(disk.identity.sectorBytes, 512);
          assert.deepEqual(disk.identity.signatures, ['gpt', 'gpt:STATE']);
          await disk.write(bytes, 5 * MIB);
          await disk.sync();
          await disk.forgetCache();
          const back = new Uint8Array(4096);
          await disk.read(back, 5 * MIB);
          assert.deepEqual(back, bytes);
          await assert.rejects(disk.write(bytes, 8 * MIB - 512), /no space left/);
          await assert.rejects(disk.read(back, 8 * MIB - 512), /the disk ends/);
        }
        assert.deepEqual((await readFile(loop.file)).subarray(5 * MIB, 5 * MIB + 4096), Buffer.from(bytes));
        assert.deepEqual(loop.told, []);
      },
      putGpt(new Uint8Array(8 * MIB), [{ first: 2048, last: 4095, name: 'STATE' }]),
    ));

  it('is open once at a time', (t) =>
    onLoop(t, async (loop) => {
      const disks = disksOf(loop);
      const disk = await disks.open(loop.name);
      await assert.rejects(disks.open(loop.name), new RegExp(`^Error: ${loop.name} is in use`));
      await disk[Symbol.asyncDispose]();
      await (await disks.open(loop.name))[Symbol.asyncDispose]();
    }));

  it('that is mounted is refused, and it says where', (t) =>
    onLoop(t, async (loop) => {
      const tools = need(t, ['mkfs.ext4']);
      if (!tools) return;
      execFileSync(tools['mkfs.ext4'], ['-q', '-F', `/dev/${loop.name}`]);
      const place = await mkdtemp(join(tmpdir(), 'ingot-mount-'));
      try {
        if (spawnSync('mount', [`/dev/${loop.name}`, place]).status !== 0)
          return t.skip('needs the right to mount ext4');
        try {
          await assert.rejects(disksOf(loop).open(loop.name), {
            message: `${loop.name} is in use by the mount ${place}`,
          });
        } finally {
          execFileSync('umount', [place]);
        }
      } finally {
        await rm(place, { recursive: true });
      }
      await using disk = await disksOf(loop).open(loop.name);
      assert.deepEqual(disk.identity.signatures, ['ext4']);
    }));

  it('its partition table is read again after a wipe, and nothing is on it', (t) =>
    onLoop(
      t,
      async (loop) => {
        const partition = `/sys/block/${loop.name}/${loop.name}p1/size`;
        const before = await host.run('cat', [partition]);
        // Small kernels know no GPT: the table is then only seen to be gone from the disk.
        if (before.status === 0) assert.equal(before.stdout.trim(), '2048');
        else t.diagnostic('this kernel reads no GPT');
        const wiped = await wipeDisk({
          wanted: { name: loop.name, bytes: 8 * MIB, signatures: ['gpt', 'gpt:STATE'] },
          method: 'best',
          disks: disksOf(loop),
          seed: 7,
          now: Date.now,
          told: () => {},
          signal: never,
        });
        assert.equal(wiped.method, 'zero-overwrite');
        assert.deepEqual(loop.told, []);
        assert.notEqual(await host.run('cat', [partition]).then(({ status }) => status), 0);
        assert.ok((await readFile(loop.file)).every((byte) => byte === 0));
      },
      putGpt(new Uint8Array(8 * MIB), [{ first: 2048, last: 4095, name: 'STATE' }]),
    ));

  for (const method of ['block-discard', 'block-zero-out'] as const) {
    it(`is erased by ${method} of the kernel, where it has that`, (t) =>
      onLoop(
        t,
        async (loop) => {
          const had = await rangesOf(loop);
          assert.equal(had['secure-discard'], false);
          const wiped = wipeDisk({
            wanted: { name: loop.name, bytes: 8 * MIB, signatures: [] },
            method,
            disks: disksOf(loop),
            seed: 7,
            now: Date.now,
            told: () => {},
            signal: never,
          });
          if (!had[method === 'block-discard' ? 'discard' : 'zero-out'])
            return await assert.rejects(wiped, /is not to be had/);
          assert.equal((await wiped).method, method);
          assert.ok((await readFile(loop.file)).every((byte) => byte === 0));
        },
        Buffer.alloc(8 * MIB, 0x5a),
      ));
  }

  it('a partition, and a name that is a path, are no disks', (t) =>
    onLoop(
      t,
      async (loop) => {
        const disks = disksOf(loop);
        await assert.rejects(disks.open(`${loop.name}p1`), /is no whole disk|there is no disk/);
        await assert.rejects(disks.open(`../dev/${loop.name}`), /is no name of a disk/);
        await assert.rejects(disks.open('sdzzz'), { message: 'there is no disk sdzzz' });
        await assert.rejects(disks.open('null'), /cannot be opened|is no block device/);
      },
      putGpt(new Uint8Array(8 * MIB), [{ first: 2048, last: 4095, name: 'STATE' }]),
    ));

  it('sysfs says of it what lsblk says', async (t) => {
    const tools = need(t, ['lsblk']);
    if (!tools) return;
    const source = openSource({ host, signal: never });
    const { stdout, status } = spawnSync(
      tools.lsblk,
      ['-J', '-b', '-d', '-o', 'NAME,SIZE,LOG-SEC,ROTA,RM,RO,SERIAL,MODEL'],
      { encoding: 'utf8' },
    );
    if (status !== 0) return t.skip('lsblk says nothing here');
    type Row = { name: string; size: number; 'log-sec': number; rota: boolean; rm: boolean; ro: boolean };
    const { blockdevices } = JSON.parse(stdout) as { blockdevices: readonly Row[] };
    assert.ok(blockdevices.length > 0);
    for (const row of blockdevices) {
      const facts = await readDiskFacts(source, row.name);
      // Loop devices of other tests come and go.
      if (!facts || row.name.startsWith('loop')) continue;
      const { bytes, sectorBytes, rotational, removable, readonly } = facts;
      assert.deepEqual(
        [bytes, sectorBytes, rotational, removable, readonly],
        [row.size, row['log-sec'], row.rota, row.rm, row.ro],
        row.name,
      );
    }
  });
});
