import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Disk, DiskIdentity, Disks } from './disk.ts';

/** What is printed on a disk that is a file. */
export type FileDisk = Omit<DiskIdentity, 'signatures'> & { readonly name: string };

/**
 * Disks of a simulated machine: sparse files in `dir`, one for each, named as the disk. `signaturesOf` reads what is on
 * one. A disk is open once at a time, as O_EXCL makes it for block devices.
 */
export function fileDisks(parts: {
  readonly dir: string;
  readonly disks: readonly FileDisk[];
  readonly signaturesOf: (read: Disk['read'], bytes: number) => Promise<readonly string[]>;
}): Disks {
  const held = new Set<string>();
  return {
    async open(name) {
      const disk = parts.disks.find((one) => one.name === name);
      if (!disk) throw new Error(`there is no disk ${name}`);
      if (held.has(name)) throw new Error(`${name} is in use`);
      const device = join(parts.dir, name);
      const file = await open(device, 'r+');
      held.add(name);
      const read = (into: Uint8Array, position: number): Promise<void> => readWhole(file, into, position);
      return {
        name,
        device,
        beside: [],
        ranges: { discard: true, 'secure-discard': false, 'zero-out': true },
        async clearRanges() {
          await file.truncate(0);
          await file.truncate(disk.bytes);
        },
        identity: { ...disk, signatures: await parts.signaturesOf(read, disk.bytes) },
        read,
        async write(bytes, position) {
          if (position + bytes.length > disk.bytes) throw new Error(`${name}: no space left at ${position}`);
          await writeWhole(file, bytes, position);
        },
        sync: () => file.datasync(),
        forgetCache: async () => {},
        async [Symbol.asyncDispose]() {
          held.delete(name);
          await file.close();
        },
      };
    },
    run: (program) =>
      Promise.resolve({ status: 127, stdout: '', stderr: `${program}: a simulated disk has no such tool` }),
  };
}

export async function readWhole(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new Error(`the disk ends at ${position + done}`);
    done += bytesRead;
  }
}

export async function writeWhole(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
