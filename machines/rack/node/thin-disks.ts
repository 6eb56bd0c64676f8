import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Disk, Disks } from '#machines/agent/disks/disk.ts';
import { fileDisks, readWhole } from '#machines/agent/disks/file-disks.ts';
import { readSignatures } from '#machines/agent/inventory/read-signatures.ts';
import { rackHardware } from '../bmc/hardware.ts';
import type { MachineSpec } from '../spec.ts';

/** The disks that a machine's BMC tells of, by the names that Linux gives them. The first one is the system's. */
export const disksOf = (spec: MachineSpec) =>
  rackHardware(spec).drives.map(({ protocol, model, serial, bytes, media, wwn }) => ({
    name: protocol === 'NVMe' ? 'nvme0n1' : 'sda',
    model,
    serial,
    ...(wwn === undefined ? {} : { wwn }),
    bytes,
    sectorBytes: 512,
    rotational: media === 'HDD',
    transport: protocol.toLowerCase(),
  }));

/** The disks of one machine in a folder: files that take no more room than what was written to them. */
export type ThinDisks = {
  /** For one boot: they take nothing more once `power` is gone. */
  attach(power: AbortSignal): Disks;
  /** As on the disk now, by the names of libblkid. */
  signatures(name: string): Promise<readonly string[]>;
  /** The boot signature of a BIOS or of a protective MBR is in the first sector of the system's disk. */
  isBootable(): Promise<boolean>;
};

/** Where the MBR has 0x55 0xaa (UEFI 2.10 §5.2.1). */
const BOOT_SIGNATURE_AT = 510;

/** Blank disks are made where there are none; one that is there is left as it is. */
export async function openThinDisks({
  dir,
  spec,
}: {
  readonly dir: string;
  readonly spec: MachineSpec;
}): Promise<ThinDisks> {
  const disks = disksOf(spec);
  await mkdir(dir, { recursive: true });
  for (const [index, { name, bytes }] of disks.entries()) {
    const file = await open(join(dir, name), 'a+');
    try {
      if ((await file.stat()).size === bytes) continue;
      await file.truncate(bytes);
    } finally {
      await file.close();
    }
    if (index === 0 && spec.faults.includes('installed')) await markBootable(join(dir, name));
  }
  const system = disks[0]?.name ?? 'sda';
  const reading = async <T>(name: string, read: (read: Disk['read'], bytes: number) => Promise<T>): Promise<T> => {
    const file = await open(join(dir, name), 'r');
    try {
      const { size } = await file.stat();
      return await read((into, position) => readWhole(file, into, position), size);
    } finally {
      await file.close();
    }
  };
  return {
    attach(power) {
      const files = fileDisks({ dir, disks, signaturesOf: readSignatures });
      return {
        ...files,
        async open(name) {
          power.throwIfAborted();
          return thin(await files.open(name), power);
        },
      };
    },
    signatures: (name) => reading(name, readSignatures),
    isBootable: () =>
      reading(system, async (read) => {
        const mark = new Uint8Array(2);
        await read(mark, BOOT_SIGNATURE_AT);
        return mark[0] === 0x55 && mark[1] === 0xaa;
      }),
  };
}

/** Zeros that are there already are not written: a disk that is erased stays as small as it was. */
function thin(disk: Disk, power: AbortSignal): Disk {
  // One for all writes, which follow each other: fresh ones cost a rack of fifty that is erased a quarter of its time.
  let there = new Uint8Array();
  return {
    ...disk,
    async read(into, position) {
      power.throwIfAborted();
      await disk.read(into, position);
    },
    async clearRanges(...how) {
      power.throwIfAborted();
      await disk.clearRanges(...how);
    },
    async write(bytes, position) {
      power.throwIfAborted();
      if (isZero(bytes)) {
        if (there.length < bytes.length) there = new Uint8Array(bytes.length);
        const same = there.subarray(0, bytes.length);
        const isWhole = await disk.read(same, position).then(
          () => true,
          () => false,
        );
        if (isWhole && isZero(same)) return;
      }
      await disk.write(bytes, position);
    },
    [Symbol.asyncDispose]: () => disk[Symbol.asyncDispose](),
  };
}

const ZEROS = Buffer.alloc(1 << 16);

function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const piece = bytes.subarray(at, at + ZEROS.length);
    if (ZEROS.compare(piece, 0, piece.length, 0, piece.length) !== 0) return false;
  }
  return true;
}

async function markBootable(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write(Uint8Array.of(0x55, 0xaa), 0, 2, BOOT_SIGNATURE_AT);
  } finally {
    await file.close();
  }
}
