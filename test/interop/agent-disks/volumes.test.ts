import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openFat } from '#machines/agent/disks/fat-files.ts';
import { encodeFat16, type VolumeFile } from '#machines/agent/disks/wire/fat16.ts';
import { need } from '#test/lab/need.ts';
import { readerOf } from '#test/machines/agent/inventory/disk-images.ts';

const MIB = 1 << 20;
const FILES: readonly VolumeFile[] = [
  { path: 'meta-data', content: Buffer.from('instance-id: r1-u1\n') },
  { path: 'user-data', content: Buffer.alloc(200_000, 'abc') },
  { path: 'vendor-data', content: new Uint8Array(0) },
  { path: 'network-config', content: Buffer.from('version: 2\n') },
  { path: 'openstack/latest/meta_data.json', content: Buffer.from('{}') },
  // As many as need more than one cluster for their folder.
  ...Array.from({ length: 60 }, (_, index) => ({
    path: `openstack/content/file-number-${index}`,
    content: Buffer.from(`${index}`),
  })),
];

// Not the kernel, but others who know FAT: dosfstools look at its structure, mtools read it.
describe('a FAT16 volume of ours', () => {
  for (const [sectorBytes, mib] of [
    [512, 16],
    [4096, 32],
    [512, 64],
  ] as const) {
    it(`of ${mib} MiB in sectors of ${sectorBytes} is right, and read by others`, async (t: TestContext) => {
      const tools = need(t, ['fsck.vfat', 'mcopy', 'mdir', 'blkid']);
      if (!tools) return;
      const folder = await mkdtemp(join(tmpdir(), 'ingot-volume-'));
      try {
        const file = join(folder, 'volume');
        const parts = { bytes: mib * MIB, sectorBytes, label: 'config-2', serial: 1, files: FILES };
        await writeFile(file, encodeFat16(parts));
        await truncate(file, mib * MIB);
        assert.match(execFileSync(tools['fsck.vfat'], ['-n', '-v', file], { encoding: 'utf8' }), /69 files/);
        assert.match(execFileSync(tools.mdir, ['-i', file, '::'], { encoding: 'utf8' }), /is CONFIG-2/);
        assert.match(
          execFileSync(tools.blkid, ['-p', file], { encoding: 'utf8' }),
          / LABEL="CONFIG-2".*VERSION="FAT16"/,
        );
        execFileSync(tools.mcopy, ['-s', '-i', file, '::*', folder]);
        for (const { path, content } of FILES) {
          assert.ok((await readFile(join(folder, path))).equals(content), path);
        }
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  }
});

describe('a FAT volume of others', () => {
  for (const bits of ['12', '16', '32'] as const) {
    it(`of ${bits} bits is read as mtools wrote it`, async (t: TestContext) => {
      const tools = need(t, ['mkfs.vfat', 'mcopy', 'mmd']);
      if (!tools) return;
      const folder = await mkdtemp(join(tmpdir(), 'ingot-fat-'));
      try {
        const volume = join(folder, 'volume');
        await writeFile(volume, '');
        await truncate(volume, (bits === '32' ? 40 : bits === '16' ? 16 : 2) * MIB);
        execFileSync(tools['mkfs.vfat'], ['-F', bits, '-n', 'ESP', volume]);
        for (const name of ['EFI', 'EFI/debian']) execFileSync(tools.mmd, ['-i', volume, `::${name}`]);
        const names = Array.from({ length: 70 }, (_, index) => `a-rather-long-name-of-file-${index}.efi`);
        for (const name of [...names, 'SHORT.EFI']) await writeFile(join(folder, name), name.repeat(200));
        const paths = [...names, 'SHORT.EFI'].map((name) => join(folder, name));
        execFileSync(tools.mcopy, ['-i', volume, ...paths, '::EFI/debian']);
        const bytes = await readFile(volume);
        // Behind something, as on a disk.
        const disk = Buffer.concat([Buffer.alloc(1000), bytes]);
        const fat = await openFat({ read: readerOf(disk) }, 1000);
        assert.ok(fat);
        assert.deepEqual(
          (await fat.list('efi/DEBIAN')).map(({ name }) => name).toSorted(),
          [...names, 'SHORT.EFI'].toSorted(),
        );
        for (const name of [...names, 'SHORT.EFI']) {
          assert.equal(Buffer.from((await fat.read(`EFI/debian/${name}`)) ?? []).toString(), name.repeat(200));
        }
        assert.equal(await fat.read('EFI/debian'), undefined);
        assert.equal(await fat.read('EFI/nothing'), undefined);
        assert.deepEqual(await fat.list('EFI/debian/SHORT.EFI'), []);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  }
});
