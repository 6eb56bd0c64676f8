import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE } from './cache.ts';
import { buildInitramfs } from './initramfs.ts';
import type { Need } from './need.ts';

export const DEBIAN_DISK_NEEDS = [
  'busybox',
  'mcopy',
  'mkfs.vfat',
  'mmd',
  'modules',
  'sfdisk',
  'systemd-bootx64.efi',
  'vmlinuz',
] as const satisfies readonly Need[];

const MIB = 1 << 20;
/** FAT32 wants 65,525 clusters at least. */
const ESP_BYTES = 64 * MIB;
const DISK_BYTES = ESP_BYTES + 2 * MIB;

/**
 * A raw image of a small disk that boots under UEFI: GPT, an EFI system partition with systemd-boot, Debian's kernel and
 * the initramfs of test guests. `args` are its kernel's. Returns its path in the cache.
 */
export function debianDisk(
  tools: Readonly<Record<(typeof DEBIAN_DISK_NEEDS)[number], string>>,
  args: readonly string[],
): string {
  const initramfs = buildInitramfs(tools);
  const inputs = [initramfs, tools.vmlinuz, tools['systemd-bootx64.efi']].map((path) => readFileSync(path));
  const hash = createHash('sha256').update(args.join(' '));
  for (const input of inputs) hash.update(input);
  const path = join(CACHE, 'guests', `${hash.digest('hex').slice(0, 16)}.raw`);
  if (existsSync(path)) return path;
  const folder = mkdtempSync(join(CACHE, 'guests', 'disk-'));
  try {
    const esp = join(folder, 'esp');
    writeFileSync(esp, Buffer.alloc(ESP_BYTES));
    execFileSync(tools['mkfs.vfat'], ['-F', '32', '-n', 'ESP', esp]);
    const put = (name: string, content: string | { readonly file: string }): void => {
      const file = typeof content === 'string' ? join(folder, 'content') : content.file;
      if (typeof content === 'string') writeFileSync(file, content);
      execFileSync(tools.mcopy, ['-i', esp, file, `::${name}`]);
    };
    for (const name of ['EFI', 'EFI/BOOT', 'loader', 'loader/entries'])
      execFileSync(tools.mmd, ['-i', esp, `::${name}`]);
    put('EFI/BOOT/BOOTX64.EFI', { file: tools['systemd-bootx64.efi'] });
    put('vmlinuz', { file: tools.vmlinuz });
    put('initrd', { file: initramfs });
    put('loader/loader.conf', 'timeout 0\n');
    put('loader/entries/linux.conf', `title Linux\nlinux /vmlinuz\ninitrd /initrd\noptions ${args.join(' ')}\n`);
    const disk = join(folder, 'disk');
    const raw = Buffer.alloc(DISK_BYTES);
    readFileSync(esp).copy(raw, MIB);
    writeFileSync(disk, raw);
    execFileSync(tools.sfdisk, ['--quiet', disk], {
      input: `label: gpt\nstart=2048, size=${ESP_BYTES / 512}, type=U, name=EFI-SYSTEM\n`,
    });
    mkdirSync(join(CACHE, 'guests'), { recursive: true });
    renameSync(disk, path);
    return path;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
