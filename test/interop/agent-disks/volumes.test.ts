import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { encodeFat16, type VolumeFile } from '#machines/agent/disks/wire/fat16.ts';
import { need } from '#test/lab/need.ts';

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
