import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { readPartitions, readSignatures } from '#machines/agent/inventory/read-signatures.ts';
import { need, type Need } from '../../lab/need.ts';
import { FORMATS } from '../../machines/agent/inventory/disk-images.ts';

// What other programs put on a disk, read by our recogniser and by libblkid's.
const MIB = 2 ** 20;
let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-signatures-'));
});
after(() => rm(folder, { recursive: true }));

async function disk(name: string, mib: number): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, '');
  await truncate(path, mib * MIB);
  return path;
}

async function ours(path: string): Promise<readonly string[]> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  return await readSignatures(async (into, position) => {
    const { bytesRead } = await file.read(into, 0, into.length, position);
    if (bytesRead < into.length) throw new Error('beyond the end');
  }, size);
}

/** The type of what libblkid finds by probing, or none. */
function byBlkid(blkid: string, path: string): string {
  const { stdout } = spawnSync(blkid, ['-p', '-s', 'TYPE', '-o', 'value', path], { encoding: 'utf8' });
  return stdout.trim();
}

const run = (program: string, args: readonly string[], input?: string): void =>
  void execFileSync(program, args, { input: input ?? '', stdio: ['pipe', 'pipe', 'pipe'], timeout: 20_000 });

type Maker = {
  readonly name: string;
  readonly mib: number;
  readonly tool: Need;
  readonly make: (tool: string, path: string) => void;
};

const plain =
  (...args: readonly string[]) =>
  (tool: string, path: string): void =>
    run(tool, [...args, path]);
const luks = (type: string) => (tool: string, path: string) =>
  run(
    tool,
    ['luksFormat', '--type', type, '-q', '--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000', path, '-'],
    'secret',
  );

const MAKERS: readonly Maker[] = [
  { name: 'ext2', mib: 8, tool: 'mkfs.ext4', make: plain('-q', '-F', '-t', 'ext2') },
  { name: 'ext3', mib: 16, tool: 'mkfs.ext4', make: plain('-q', '-F', '-t', 'ext3') },
  { name: 'ext4', mib: 16, tool: 'mkfs.ext4', make: plain('-q', '-F', '-t', 'ext4') },
  { name: 'xfs', mib: 320, tool: 'mkfs.xfs', make: plain('-q') },
  { name: 'btrfs', mib: 128, tool: 'mkfs.btrfs', make: plain('-q') },
  { name: 'vfat', mib: 2, tool: 'mkfs.vfat', make: plain() },
  { name: 'vfat', mib: 64, tool: 'mkfs.vfat', make: plain('-F', '32') },
  { name: 'exfat', mib: 16, tool: 'mkfs.exfat', make: plain() },
  { name: 'ntfs', mib: 16, tool: 'mkfs.ntfs', make: plain('-q', '-F') },
  { name: 'f2fs', mib: 64, tool: 'mkfs.f2fs', make: plain('-q') },
  { name: 'swap', mib: 8, tool: 'mkswap', make: plain() },
  { name: 'swap', mib: 8, tool: 'mkswap', make: plain('-p', '65536') },
  {
    name: 'squashfs',
    mib: 0,
    tool: 'mksquashfs',
    make: (tool, path) => run(tool, [join(folder, 'few'), path, '-quiet']),
  },
  { name: 'crypto_LUKS', mib: 8, tool: 'cryptsetup', make: luks('luks1') },
  { name: 'crypto_LUKS', mib: 32, tool: 'cryptsetup', make: luks('luks2') },
  { name: 'bcache', mib: 8, tool: 'make-bcache', make: plain('-B') },
  {
    name: 'drbd',
    mib: 8,
    tool: 'drbdmeta',
    make: (tool, path) => run(tool, ['--force', '0', 'v08', path, 'internal', 'create-md']),
  },
];

describe('what is on a disk, as libblkid has it', () => {
  before(() => mkdir(join(folder, 'few')));

  for (const [index, { name, mib, tool, make }] of MAKERS.entries()) {
    it(`${name} (${index}) by ${tool}`, async (t: TestContext) => {
      const tools = need(t, [tool, 'blkid']);
      if (!tools) return;
      const path = await disk(`made-${index}`, mib);
      if (mib === 0) await rm(path);
      make(tools[tool], path);
      assert.deepEqual(await ours(path), [name]);
      assert.equal(byBlkid(tools.blkid, path), name);
    });
  }

  it('LVM2_member by lvm', async (t) => {
    const tools = need(t, ['root', 'losetup', 'lvm', 'blkid']);
    if (!tools) return;
    const path = await disk('volume', 8);
    const { status, stdout } = spawnSync(tools.losetup, ['-f', '--show', path], { encoding: 'utf8' });
    if (status !== 0) return t.skip('needs loop devices');
    const device = stdout.trim();
    try {
      const only = `devices{use_devicesfile=0 filter=["a|^${device}$|","r|.*|"]} backup{backup=0 archive=0}`;
      run(tools.lvm, ['pvcreate', '--nolocking', '--config', only, device]);
    } finally {
      run(tools.losetup, ['-d', device]);
    }
    assert.deepEqual(await ours(path), ['LVM2_member']);
    assert.equal(byBlkid(tools.blkid, path), 'LVM2_member');
  });

  it('the least that our own tests take for a format is the same to libblkid, where it does not want more', async (t) => {
    const tools = need(t, ['blkid']);
    if (!tools) return;
    for (const [index, { name, disk: made, notByBlkid }] of FORMATS.entries()) {
      const path = join(folder, `least-${index}`);
      await writeFile(path, made());
      assert.deepEqual(await ours(path), [name]);
      assert.equal(byBlkid(tools.blkid, path), notByBlkid === undefined ? name : '', `${name} (${index})`);
    }
  });
});

describe('partition tables by sfdisk', () => {
  async function table(t: TestContext, script: string): Promise<string | undefined> {
    const tools = need(t, ['sfdisk']);
    if (!tools) return undefined;
    const path = await disk(t.name.replaceAll(/\W/g, '-'), 64);
    run(tools.sfdisk, ['--quiet', path], script);
    return path;
  }
  /** What sfdisk itself reads. */
  function asListed(path: string): unknown {
    const listed: unknown = JSON.parse(
      execFileSync('sfdisk', ['--json', path], {
        encoding: 'utf8',
        env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
      }),
    );
    return listed;
  }
  async function asRead(path: string): Promise<readonly { start: number; size: number }[]> {
    await using file = await open(path, 'r');
    const partitions = await readPartitions(
      async (into, position) => {
        const { bytesRead } = await file.read(into, 0, into.length, position);
        if (bytesRead < into.length) throw new Error('beyond the end');
      },
      64 * MIB,
      512,
    );
    return partitions.map(({ offset, bytes }) => ({ start: offset / 512, size: bytes / 512 }));
  }

  it('GPT with names', async (t) => {
    const path = await table(t, 'label: gpt\nsize=8MiB, name="STATE"\nsize=8MiB, name="mit Blank"\n,\n');
    if (path === undefined) return;
    assert.deepEqual(await ours(path), ['gpt', 'gpt:STATE', 'gpt:mit Blank']);
    assert.deepEqual(
      await asRead(path),
      listedPartitions(asListed(path), () => true),
    );
  });

  it('GPT whose first half was overwritten', async (t) => {
    const path = await table(t, 'label: gpt\nsize=8MiB, name="EPHEMERAL"\n');
    if (path === undefined) return;
    await using file = await open(path, 'r+');
    await file.write(new Uint8Array(34 * 512), 0, 34 * 512, 0);
    assert.deepEqual(await ours(path), ['gpt', 'gpt:EPHEMERAL']);
  });

  it('a boot record with logical partitions', async (t) => {
    const path = await table(
      t,
      'label: dos\nsize=8MiB, type=83\nsize=40MiB, type=5\nsize=8MiB, type=82\nsize=4MiB, type=83\nsize=4MiB, type=83\nsize=4MiB, type=83\n',
    );
    if (path === undefined) return;
    assert.deepEqual(await ours(path), ['dos']);
    const read = await asRead(path);
    assert.equal(read.length, 5);
    assert.deepEqual(
      read.toSorted((a, b) => a.start - b.start),
      listedPartitions(asListed(path), ({ type }) => type !== '5').toSorted((a, b) => a.start - b.start),
    );
  });
});

type Listed = { readonly start: number; readonly size: number; readonly type: string };

function listedPartitions(json: unknown, keep: (one: Listed) => boolean): readonly { start: number; size: number }[] {
  const { partitiontable } = json as { partitiontable: { partitions: readonly Listed[] } };
  return partitiontable.partitions.filter(keep).map(({ start, size }) => ({ start, size }));
}
