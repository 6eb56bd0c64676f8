import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../host.ts';
import { readDiskFacts } from '../inventory/read-disks.ts';
import { readSignatures } from '../inventory/read-signatures.ts';
import { openSource, type Source } from '../inventory/source.ts';
import { known } from '../inventory/wire/known.ts';
import { sameDrive } from './wipe-methods.ts';
import type { Disk, DiskIdentity, Disks, RangeCommand } from './disk.ts';
import { readWhole, writeWhole } from './file-disks.ts';

/** The kernel refuses to read a table while any partition is open, and udev or the kernel itself may look at one for a moment. */
const REREAD_WAITS_MS = [0, 250, 1000, 2000] as const;
/** A disk is cleared by range in so many pieces: after each one there is progress, and a cancel is heard. */
const RANGE_PIECES = 64;
const RANGE_FLAG: Readonly<Record<RangeCommand, readonly string[]>> = {
  discard: [],
  'secure-discard': ['--secure'],
  'zero-out': ['--zeroout'],
};

/**
 * The block devices of this machine. One is opened for writing only here, when an operation asks for it, and with O_EXCL:
 * a disk that is mounted, swapped to, or part of an array is refused by the kernel. Its identity is read through the open
 * descriptor, by the device number of the descriptor and not by its name.
 *
 * When a disk that was written is closed, the kernel reads its partition table again; where that fails `told` hears why.
 */
export function blockDisks({
  host,
  told = () => {},
}: {
  readonly host: Host;
  readonly told?: (text: string) => void;
}): Disks {
  const never = new AbortController().signal;
  return {
    async open(name) {
      const source = openSource({ host, signal: never });
      const path = devicePath(host, name);
      const file = await openExclusively(source, path, name);
      try {
        return await diskOf({ host, source, file, path, name, told });
      } catch (error) {
        await file.close();
        throw error;
      }
    },
    run: (program, args, signal) => host.run(program, args, { signal }),
  };
}

/** Some drivers' names hold a slash, which sysfs writes as an exclamation mark. */
function devicePath({ root }: Host, name: string): string {
  if (!/^[A-Za-z0-9][\w!-]*$/.test(name)) throw new Error(`${JSON.stringify(name)} is no name of a disk`);
  return join(root, 'dev', name.replaceAll('!', '/'));
}

async function openExclusively(source: Source, path: string, name: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDWR | constants.O_EXCL | constants.O_NOFOLLOW);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (code === 'ENOENT') throw new Error(`there is no disk ${name}`, { cause });
    if (code === 'EBUSY') throw new Error(`${name} is in use${await usersOf(source, name)}`, { cause });
    throw new Error(`${name} cannot be opened for writing (${code})`, { cause });
  }
}

/** Who holds a disk or one of its partitions: arrays and volumes by sysfs, mounts by their list. */
async function usersOf(source: Source, name: string): Promise<string> {
  const at = `/sys/block/${name}`;
  const parts = [name, ...(await source.names(at)).filter((one) => one.startsWith(name))];
  const holders = await Promise.all([
    source.names(`${at}/holders`),
    ...parts.slice(1).map((part) => source.names(`${at}/${part}/holders`)),
  ]);
  const devices = new Set(parts.map((part) => `/dev/${part}`));
  const text = async (path: string): Promise<string> =>
    new TextDecoder().decode((await source.bytes(path)) ?? new Uint8Array(0));
  const mounts = (await text('/proc/self/mounts')).split('\n').map((line) => line.split(' '));
  const swaps = (await text('/proc/swaps')).split('\n').map((line) => line.split(/\s+/));
  const users = [
    ...holders.flat(),
    ...mounts.flatMap(([device = '', place = '']) => (devices.has(device) ? [`the mount ${place}`] : [])),
    ...swaps.flatMap(([device = '']) => (devices.has(device) ? ['swap'] : [])),
  ];
  return users.length === 0 ? '' : ` by ${[...new Set(users)].join(', ')}`;
}

async function diskOf(parts: {
  readonly host: Host;
  readonly source: Source;
  readonly file: FileHandle;
  readonly path: string;
  readonly name: string;
  readonly told: (text: string) => void;
}): Promise<Disk> {
  const { host, source, file, path, name, told } = parts;
  const read = (into: Uint8Array, position: number): Promise<void> => readWhole(file, into, position);
  const identity = await identityOf(source, file, name, read);
  // Through this process: a path under /dev may be another disk by now.
  const descriptor = `/proc/${process.pid}/fd/${file.fd}`;
  let written = false;
  return {
    name,
    identity,
    device: descriptor,
    ranges: await rangesOf(source, name),
    beside: sameDrive(name, await source.names('/sys/block')),
    async clearRanges(how, tell, signal) {
      written = true;
      const piece = Math.max(1, Math.ceil(identity.bytes / RANGE_PIECES / 2 ** 20)) * 2 ** 20;
      for (let at = 0; at < identity.bytes; at += piece) {
        tell(how, at / identity.bytes);
        const range = ['--offset', String(at), '--length', String(Math.min(piece, identity.bytes - at))];
        // By itself it opens the disk for nobody else, which this program has done already.
        const args = ['--force', ...RANGE_FLAG[how], ...range, descriptor];
        const { status, stderr } = await host.run('blkdiscard', args, { signal });
        if (status !== 0) throw new Error(`blkdiscard ${args.join(' ')}: ${stderr.trim() || `status ${status}`}`);
      }
      await file.datasync();
    },
    read,
    async write(bytes, position) {
      if (position + bytes.length > identity.bytes) throw new Error(`${name}: no space left at ${position}`);
      written = true;
      await writeWhole(file, bytes, position);
    },
    sync: () => file.datasync(),
    async forgetCache() {
      const { status, stderr } = await host.run('blockdev', ['--flushbufs', descriptor]);
      if (status !== 0)
        throw new Error(`${name}: its cache cannot be forgotten: ${stderr.trim() || `status ${status}`}`);
    },
    async [Symbol.asyncDispose]() {
      await file.close();
      if (written) await rereadTable(host, path, name, told);
    },
  };
}

/** Limits of zero mean that the disk has no such command. That of BLKSECDISCARD is shown nowhere; only eMMC has it. */
async function rangesOf(source: Source, name: string): Promise<Disk['ranges']> {
  const limit = async (of: string): Promise<boolean> =>
    ((await source.number(`/sys/block/${name}/queue/${of}`)) ?? 0) > 0;
  const discard = await limit('discard_max_bytes');
  return {
    discard,
    'secure-discard': discard && name.startsWith('mmcblk'),
    'zero-out': await limit('write_zeroes_max_bytes'),
  };
}

/** What the descriptor itself leads to, by its device number. */
async function identityOf(
  source: Source,
  file: FileHandle,
  name: string,
  read: (into: Uint8Array, position: number) => Promise<void>,
): Promise<DiskIdentity> {
  const stat = await file.stat({ bigint: true });
  if (!stat.isBlockDevice()) throw new Error(`${name} is no block device`);
  const device = await source.real(`/sys/dev/block/${deviceNumber(stat.rdev)}`);
  const is = device?.split('/').at(-1);
  // A whole disk: its partitions lie in folders of their own within.
  if (is !== name) throw new Error(`/dev/${name} leads to ${is ?? 'a device that the kernel does not know'}`);
  const facts = await readDiskFacts(source, name);
  if (!facts) throw new Error(`${name} is no whole disk`);
  const { bytes, sectorBytes, rotational = false, serial, wwn, model, transport } = facts;
  return {
    bytes,
    sectorBytes,
    rotational,
    ...known({ serial, wwn, model, transport }),
    signatures: await readSignatures(read, bytes, { sectorBytes }),
  };
}

/** `MAJOR:MINOR` of a `dev_t` as glibc and the kernel's stat(2) pack it: sys/sysmacros.h. */
export function deviceNumber(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xffff_f000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffff_ff00n);
  return `${major}:${minor}`;
}

async function rereadTable(host: Host, path: string, name: string, told: (text: string) => void): Promise<void> {
  let because = '';
  for (const waitMs of REREAD_WAITS_MS) {
    await sleep(waitMs);
    const { status, stderr } = await host.run('blockdev', ['--rereadpt', path]);
    if (status === 0) return;
    because = stderr.trim() || `status ${status}`;
    // Only somebody who looks at it for a moment goes away by waiting.
    if (!/busy/i.test(because)) break;
  }
  told(`${name}: the kernel keeps the old partition table: ${because}`);
}
