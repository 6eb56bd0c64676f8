import type { GptTable } from './wire/gpt-table.ts';
import { partitionGuid } from './wire/gpt-table.ts';
import { LABEL_PREFIX, type Loader, orderWith, outdated, readBootCsv, readEfibootmgr } from './decide/efi-boot.ts';
import type { Disk, Disks } from './disk.ts';
import { type FatFiles, openFat } from './fat-files.ts';

const EFI_SYSTEM = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
/** UEFI 2.10 §3.5.1.1. */
const ARCHITECTURE = process.arch === 'arm64' ? 'AA64' : 'X64';

/**
 * The loader of a disk that an image was written to: what its BOOT*.CSV names, else the one at the path for removable
 * media. Undefined where the disk has no EFI system partition that can be read, or nothing to start in it.
 */
export async function findLoader(disk: Pick<Disk, 'read'>, table: GptTable): Promise<Loader | undefined> {
  for (const { type, number, first } of table.partitions) {
    if (type !== EFI_SYSTEM) continue;
    // A volume that is broken has no loader: firmware does not get on with it either.
    const files = await openFat(disk, first * table.sectorBytes).catch(() => undefined);
    const found = files && (await loaderIn(files).catch(() => undefined));
    if (found) return { ...found, partition: number, partitionGuid: partitionGuid(table, number) };
  }
  return undefined;
}

async function loaderIn(files: FatFiles): Promise<Pick<Loader, 'file' | 'removable'> | undefined> {
  const fallback = (await files.list('EFI/BOOT')).find(({ name }) => name.toUpperCase() === `BOOT${ARCHITECTURE}.EFI`);
  const removable = fallback !== undefined;
  for (const { name, folder } of await files.list('EFI')) {
    if (!folder || name.toUpperCase() === 'BOOT') continue;
    const within = await files.list(`EFI/${name}`);
    const csv = within.find((one) => one.name.toUpperCase() === `BOOT${ARCHITECTURE}.CSV`);
    const named = csv && readBootCsv((await files.read(`EFI/${name}/${csv.name}`)) ?? new Uint8Array(0));
    const loader = named && within.find((one) => one.name.toLowerCase() === named.loader.toLowerCase());
    if (loader) return { file: `\\EFI\\${name}\\${loader.name}`, removable };
  }
  return fallback && { file: `\\EFI\\BOOT\\${fallback.name}`, removable };
}

/**
 * Makes the firmware's entry for a loader, by efibootmgr. Returns what came of it as a line for a person; rejects only
 * where the disk would not boot without the entry.
 */
export async function setEfiEntry(parts: {
  readonly name: string;
  readonly label: string;
  readonly loader: Loader | undefined;
  readonly disks: Pick<Disks, 'run'>;
  readonly signal: AbortSignal;
}): Promise<string> {
  const { name, loader, disks, signal } = parts;
  const tell = async (args: readonly string[]) => {
    const { status, stdout, stderr } = await disks.run('efibootmgr', args, signal);
    if (status !== 0)
      throw new Error(`efibootmgr ${args.join(' ')}: ${lastLine(stderr || stdout) || `status ${status}`}`);
    return readEfibootmgr(stdout);
  };
  const seen = await disks.run('efibootmgr', ['-v'], signal);
  if (/not supported/i.test(seen.stderr)) return 'no boot entry: this machine was started by a BIOS';
  if (!loader) return 'no boot entry: the image has no loader for UEFI';
  const label = `${LABEL_PREFIX}${parts.label}`;
  try {
    const before = await tell(['-v']);
    // The new one first: a machine that is cut off here has both, and starts by either.
    await tell(['-C', '-d', `/dev/${name}`, '-p', `${loader.partition}`, '-L', label, '-l', loader.file]);
    const made = (await tell(['-v'])).entries.find(
      (one) => one.label === label && !before.entries.some(({ number }) => number === one.number),
    );
    if (!made) throw new Error('efibootmgr made an entry that the firmware does not show');
    for (const { number } of outdated(before, loader)) await tell(['-b', number, '-B']);
    const now = await tell(['-v']);
    await tell(['-o', orderWith(now, made.number).join(',')]);
    return `boot entry ${made.number} for ${loader.file}`;
  } catch (cause) {
    const because = cause instanceof Error ? cause.message : String(cause);
    if (!loader.removable) throw new Error(`the firmware has no entry for ${loader.file}: ${because}`, { cause });
    return `no boot entry, the firmware finds the disk without: ${because}`;
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.slice(0, 255) ?? '';
