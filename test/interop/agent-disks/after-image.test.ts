import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { blockDisks } from '#machines/agent/disks/block-disks.ts';
import type { AfterImage, SeedFile } from '#machines/agent/disks/decide/after-image.ts';
import type { Disks } from '#machines/agent/disks/disk.ts';
import { fileDisks } from '#machines/agent/disks/file-disks.ts';
import { type WrittenImage, writeImage } from '#machines/agent/disks/write-image.ts';
import { linuxHost } from '#machines/agent/linux-host.ts';
import { need } from '#test/lab/need.ts';

const MIB = 1 << 20;
const DISK_BYTES = 64 * MIB;
const host = linuxHost();
const never = new AbortController().signal;
const TOOLS = ['sfdisk', 'sgdisk', 'mkfs.vfat', 'mkfs.ext4', 'fsck.ext4', 'mmd', 'mcopy', 'mtype', 'debugfs'] as const;
type Tools = Readonly<Record<(typeof TOOLS)[number], string>>;

const file = (path: string, text: string, mode = 0o644): SeedFile => ({ path, content: Buffer.from(text), mode });
const CIDATA: AfterImage['seeds'][number] = {
  kind: 'volume',
  label: 'cidata',
  files: [file('meta-data', 'instance-id: r1-u1\n'), file('user-data', '#cloud-config\n')],
};
const PRIVATE: AfterImage['seeds'][number] = {
  kind: 'partition',
  partition: { label: 'BOTTLEROCKET-PRIVATE' },
  files: [file('user-data.toml', '[settings]\n', 0o600), file('ignition/config.ign', '{}')],
};

/** Made once for all tests. */
let made: Promise<Buffer> | undefined;

/** A disk image as others make them: an ESP, a bank of something, an ext4 that seeds go to, and room for data. */
async function makeImage(tools: Tools, folder: string): Promise<Buffer> {
  const path = join(folder, 'image');
  await writeFile(path, '');
  await truncate(path, 40 * MIB);
  execFileSync(tools.sfdisk, ['--quiet', path], {
    input: [
      'label: gpt',
      'start=1MiB, size=8MiB, type=U, name=EFI-SYSTEM',
      'size=4MiB, type=5526016a-1a97-4ea4-b39a-b7c8c6ca4502, name=BOTTLEROCKET-ROOT-A, attrs="GUID:48,56"',
      'size=8MiB, type=440408bb-eb0b-4328-a6e5-a29038fad706, name=BOTTLEROCKET-PRIVATE',
      'size=8MiB, name=DATA',
    ].join('\n'),
  });
  const esp = join(folder, 'esp');
  await writeFile(esp, Buffer.alloc(8 * MIB));
  execFileSync(tools['mkfs.vfat'], ['-n', 'ESP', esp]);
  for (const name of ['EFI', 'EFI/BOOT', 'EFI/debian']) execFileSync(tools.mmd, ['-i', esp, `::${name}`]);
  const csv = Buffer.from('shimx64.efi,debian,,the boot entry of debian\n', 'utf16le');
  for (const [name, content] of [
    ['BOOT/BOOTX64.EFI', 'MZ'],
    ['debian/BOOTX64.CSV', csv],
    ['debian/shimx64.efi', 'MZ'],
  ] as const) {
    await writeFile(join(folder, 'content'), content);
    execFileSync(tools.mcopy, ['-i', esp, join(folder, 'content'), `::EFI/${name}`]);
  }
  const inside = join(folder, 'private');
  await writeFile(inside, Buffer.alloc(8 * MIB));
  execFileSync(tools['mkfs.ext4'], ['-q', '-F', '-b', '4096', '-i', '4096', '-I', '256', inside]);
  const image = await readFile(path);
  image.set(await readFile(esp), MIB);
  image.fill('A', 9 * MIB, 13 * MIB);
  image.set(await readFile(inside), 13 * MIB);
  return image;
}

type World = {
  readonly tools: Tools;
  readonly folder: string;
  /** The disk as a file. */
  readonly disk: string;
  readonly image: Buffer;
  readonly write: (after: AfterImage, more?: { readonly disks?: Partial<Disks> }) => Promise<WrittenImage>;
};

async function withDisk(t: TestContext, work: (world: World) => Promise<void>): Promise<void> {
  const tools = need(t, TOOLS);
  if (!tools) return;
  const folder = await mkdtemp(join(tmpdir(), 'ingot-after-'));
  try {
    await mkdir(join(folder, 'disks'));
    const disk = join(folder, 'disks', 'sda');
    // What an earlier owner left everywhere.
    await writeFile(disk, Buffer.alloc(DISK_BYTES, 'old '));
    const facts = { name: 'sda', serial: 'S1', bytes: DISK_BYTES, sectorBytes: 512, rotational: false };
    const files = fileDisks({ dir: join(folder, 'disks'), disks: [facts], signaturesOf: async () => [] });
    const image = await (made ??= makeImage(tools, folder));
    const write: World['write'] = (after, more) =>
      writeOn({ ...files, run: (program, args) => host.run(program, args), ...more?.disks }, 'sda', image, after);
    await work({ tools, folder, disk, image, write });
  } finally {
    await rm(folder, { recursive: true });
  }
}

const writeOn = (disks: Disks, name: string, image: Buffer, after: AfterImage): Promise<WrittenImage> =>
  writeImage({
    wanted: { name, ...(name === 'sda' ? { serial: 'S1' } : {}), bytes: DISK_BYTES, signatures: [] },
    source: {
      compression: 'none',
      sha256: createHash('sha256').update(image).digest('hex'),
      rawBytes: image.length,
      open: async () => Readable.from([image.subarray(0, 100_000), image.subarray(100_000)]),
    },
    after,
    disks,
    now: Date.now,
    told: () => {},
    signal: never,
  });

/** Both programs that know GPT best find nothing wrong; gives the partitions in sectors. */
function partitionsOf(tools: Tools, disk: string): ReadonlyMap<string, { start: number; size: number; attrs: string }> {
  const verified = spawnSync(tools.sfdisk, ['--verify', disk], { encoding: 'utf8' });
  assert.match(`${verified.stdout}${verified.stderr}`, /No errors detected/);
  assert.match(execFileSync(tools.sgdisk, ['-v', disk], { encoding: 'utf8' }), /No problems found/);
  const { partitiontable } = JSON.parse(execFileSync(tools.sfdisk, ['--json', disk], { encoding: 'utf8' })) as {
    partitiontable: { lastlba: number; partitions: { start: number; size: number; name: string; attrs?: string }[] };
  };
  assert.equal(partitiontable.lastlba, DISK_BYTES / 512 - 34);
  return new Map(partitiontable.partitions.map(({ start, size, name, attrs = '' }) => [name, { start, size, attrs }]));
}

const noEfi: Disks['run'] = async (program, args) =>
  program === 'efibootmgr'
    ? { status: 2, stdout: '', stderr: 'EFI variables are not supported on this system.\n' }
    : await host.run(program, args);

describe('an image on a larger disk', () => {
  it('has its GPT at the disk’s end; nothing else of it is changed', (t) =>
    withDisk(t, async ({ tools, disk, image, write }) => {
      assert.deepEqual((await write({ seeds: [] })).done, []);
      const partitions = partitionsOf(tools, disk);
      assert.deepEqual([...partitions.keys()], ['EFI-SYSTEM', 'BOTTLEROCKET-ROOT-A', 'BOTTLEROCKET-PRIVATE', 'DATA']);
      assert.match(partitions.get('BOTTLEROCKET-ROOT-A')?.attrs ?? '', /GUID:48,56/);
      const written = await readFile(disk);
      assert.ok(written.subarray(MIB, 39 * MIB).equals(image.subarray(MIB, 39 * MIB)));
      assert.equal(written.readUInt32LE(446 + 12), DISK_BYTES / 512 - 1, 'the protective partition covers the disk');
    }));

  it('is grown, seeded in a volume and in its own ext4, and its banks are as they came', (t) =>
    withDisk(t, async ({ tools, folder, disk, image, write }) => {
      const { done } = await write({ grow: { kind: 'last' }, seeds: [CIDATA, PRIVATE] });
      assert.deepEqual(done, [
        'partition 4 (DATA) grown to 26 MiB',
        'seed cidata on partition 5',
        'user-data.toml, ignition/config.ign in BOTTLEROCKET-PRIVATE',
      ]);
      const partitions = partitionsOf(tools, disk);
      const cidata = partitions.get('cidata') ?? assert.fail('no cidata');
      assert.equal(partitions.get('DATA')?.size, (26 * MIB) / 512);
      const read = (path: string): string =>
        execFileSync(tools.mtype, ['-i', `${disk}@@${cidata.start * 512}`, `::${path}`], { encoding: 'utf8' });
      assert.equal(read('user-data'), '#cloud-config\n');
      assert.equal(read('meta-data'), 'instance-id: r1-u1\n');
      const written = await readFile(disk);
      const inside = join(folder, 'inside');
      await writeFile(inside, written.subarray(13 * MIB, 21 * MIB));
      execFileSync(tools['fsck.ext4'], ['-fn', inside], { stdio: 'ignore' });
      const cat = (request: string): string =>
        execFileSync(tools.debugfs, ['-R', request, inside], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      assert.equal(cat('cat /user-data.toml'), '[settings]\n');
      assert.equal(cat('cat /ignition/config.ign'), '{}');
      assert.match(cat('stat /user-data.toml'), /Mode: +0600.*User: +0 +Group: +0/s);
      assert.ok(written.subarray(MIB, 13 * MIB).equals(image.subarray(MIB, 13 * MIB)));
    }));

  it('does not boot where its seed could not be written', (t) =>
    withDisk(t, async ({ disk, write }) => {
      const broken = { run: async () => ({ status: 127, stdout: '', stderr: 'debugfs: not found' }) };
      await assert.rejects(write({ seeds: [PRIVATE] }, { disks: broken }), /debugfs: status 127: debugfs: not found/);
      const lies = { run: async () => ({ status: 0, stdout: '', stderr: '' }) };
      await assert.rejects(write({ seeds: [PRIVATE] }, { disks: lies }), /user-data.toml could not be written/);
      assert.ok((await readFile(disk)).subarray(0, MIB).every((byte) => byte === 0));
    }));

  for (const [what, after, because] of [
    ['a partition that it has not', { seeds: [{ ...PRIVATE, partition: { label: 'OEM' } }] }, /no partition OEM/],
    [
      'a partition without ext4',
      { seeds: [{ ...PRIVATE, partition: { label: 'DATA' } }] },
      /DATA holds no file system/,
    ],
    ['a partition that cannot grow', { seeds: [], grow: { kind: 'name', name: 'EFI-SYSTEM' } }, /cannot grow/],
  ] as const satisfies readonly (readonly [string, AfterImage, RegExp])[]) {
    it(`asked for ${what} is refused, and does not boot`, (t) =>
      withDisk(t, async ({ disk, write }) => {
        await assert.rejects(write(after), because);
        assert.ok((await readFile(disk)).subarray(0, MIB).every((byte) => byte === 0));
      }));
  }

  it('has its loader found, and the firmware’s entry made behind the network’s', (t) =>
    withDisk(t, async ({ write }) => {
      const asked: string[][] = [];
      const lines = ['BootOrder: 0001,0000', 'Boot0000* UiApp\tFvVol(x)', 'Boot0001* PXE\tPci(0)/MAC(1,1)/IPv4(0)'];
      const run: Disks['run'] = async (_program, args) => {
        asked.push([...args]);
        if (args[0] === '-C') lines.push('Boot0002* ingot: debian-12\tHD(1,GPT,x)/File(x)');
        return { status: 0, stdout: `${lines.join('\n')}\n`, stderr: '' };
      };
      const { done } = await write({ seeds: [], efiEntry: { label: 'debian-12' } }, { disks: { run } });
      assert.deepEqual(done, ['boot entry 0002 for \\EFI\\debian\\shimx64.efi']);
      assert.deepEqual(
        asked.filter(([one]) => one !== '-v'),
        [
          ['-C', '-d', '/dev/sda', '-p', '1', '-L', 'ingot: debian-12', '-l', '\\EFI\\debian\\shimx64.efi'],
          ['-o', '0001,0002,0000'],
        ],
      );
    }));

  it('is installed though the firmware takes no entry, and under a BIOS', (t) =>
    withDisk(t, async ({ write }) => {
      const full = {
        run: async () => ({ status: 5, stdout: '', stderr: 'Could not prepare Boot variable: No space left' }),
      };
      const efiEntry = { label: 'x' };
      assert.match(
        (await write({ seeds: [], efiEntry }, { disks: full })).done[0] ?? '',
        /without: efibootmgr.*No space left/,
      );
      assert.deepEqual((await write({ seeds: [], efiEntry }, { disks: { run: noEfi } })).done, [
        'no boot entry: this machine was started by a BIOS',
      ]);
    }));
});

describe('an image on a block device of the kernel', () => {
  it('is grown and seeded, through the open descriptor', (t) =>
    withDisk(t, async ({ tools, disk, image }) => {
      const root = need(t, ['root', 'losetup']);
      if (!root) return;
      await writeFile(disk, Buffer.alloc(DISK_BYTES));
      const { status, stdout, stderr } = spawnSync(root.losetup, ['-f', '-P', '--show', disk], { encoding: 'utf8' });
      if (status !== 0) return t.skip(`needs loop devices: ${stderr.trim()}`);
      const device = stdout.trim();
      const told: string[] = [];
      try {
        const disks = blockDisks({ host, told: (text) => told.push(text) });
        const after: AfterImage = { grow: { kind: 'last' }, seeds: [CIDATA, PRIVATE] };
        const { done } = await writeOn(disks, device.slice('/dev/'.length), image, after);
        assert.equal(done.length, 3);
        assert.deepEqual(told, []);
        assert.equal(partitionsOf(tools, device).get('DATA')?.size, (26 * MIB) / 512);
      } finally {
        execFileSync(root.losetup, ['-d', device]);
      }
      const cidata = partitionsOf(tools, disk).get('cidata') ?? assert.fail('no cidata');
      const read = execFileSync(tools.mtype, ['-i', `${disk}@@${cidata.start * 512}`, '::user-data'], {
        encoding: 'utf8',
      });
      assert.equal(read, '#cloud-config\n');
    }));
});
