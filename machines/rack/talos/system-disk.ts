import { randomUUID } from 'node:crypto';
import type { Disk, Disks } from '#machines/agent/disks/disk.ts';
import { encodeGptTable, type GptTable, type Piece, readGptTable } from '#machines/agent/disks/wire/gpt-table.ts';
import type { z } from 'zod';
import {
  type BootRecord,
  bootRecord,
  type EphemeralRecord,
  ephemeralRecord,
  type MetaRecord,
  metaRecord,
} from './decide/installed.ts';
import {
  decodeText,
  emptyTable,
  encodeText,
  hasLabel,
  type Label,
  LABELS,
  placeOf,
  protectiveRecord,
  SECTOR_BYTES,
  withLabels,
  withoutLabel,
} from './decide/system-disk.ts';

const MIB = 1 << 20;
const WITH_TEXT: readonly Label[] = ['BOOT', 'META', 'STATE', 'EPHEMERAL'];

/** The disk that a simulated Talos is installed on. Each call opens the disk for itself, and what it wrote is there. */
export type SystemDisk = {
  /** `sda` */
  readonly name: string;
  labels(): Promise<readonly string[]>;
  boot(): Promise<BootRecord | undefined>;
  setBoot(record: BootRecord): Promise<void>;
  meta(): Promise<MetaRecord>;
  setMeta(record: MetaRecord): Promise<void>;
  /** The configuration; undefined where STATE has none. */
  state(): Promise<string | undefined>;
  setState(text: string): Promise<void>;
  ephemeral(): Promise<EphemeralRecord>;
  setEphemeral(record: EphemeralRecord): Promise<void>;
  /** Makes partitions that a reset has dropped. */
  provision(): Promise<void>;
  /** Erases partitions and drops them from the table. */
  drop(labels: readonly Label[]): Promise<void>;
};

/** The first disk with a boot record of the rack's Talos; undefined where there is none. */
export async function findSystemDisk(disks: Disks, names: readonly string[]): Promise<SystemDisk | undefined> {
  for (const name of names) {
    const found = systemDisk(disks, name);
    if (await found.boot()) return found;
  }
  return undefined;
}

/** Writes a new table and the boot record. `wipe` erases the whole disk first. */
export async function installOn(
  disks: Disks,
  name: string,
  { boot, wipe }: { readonly boot: BootRecord; readonly wipe: boolean },
): Promise<SystemDisk> {
  if (wipe) await eraseDisk(disks, name);
  await using disk = await disks.open(name);
  const sectors = disk.identity.bytes / SECTOR_BYTES;
  await writeTable(disk, withLabels(emptyTable(randomUUID()), LABELS, sectors, randomUUID));
  // What an earlier system has left in its partitions is no longer anybody's.
  for (const label of WITH_TEXT) await writeText(disk, label, '');
  await writeText(disk, 'BOOT', JSON.stringify(boot));
  await disk.write(protectiveRecord(sectors), 0);
  await disk.sync();
  return systemDisk(disks, name);
}

/** As the FAST method does on a disk that discards: nothing is left of it. */
export async function eraseDisk(disks: Disks, name: string): Promise<void> {
  await using disk = await disks.open(name);
  const zeros = new Uint8Array(MIB);
  for (let at = 0; at < disk.identity.bytes; at += MIB) {
    await disk.write(zeros.subarray(0, Math.min(MIB, disk.identity.bytes - at)), at);
  }
  await disk.sync();
}

function systemDisk(disks: Disks, name: string): SystemDisk {
  const read = async <T>(label: Label, schema: z.ZodType<T>): Promise<T | undefined> => {
    const text = await readText(label);
    return text === undefined || text === '' ? undefined : schema.parse(JSON.parse(text));
  };
  async function readText(label: Label): Promise<string | undefined> {
    await using disk = await disks.open(name);
    const table = await readTable(disk);
    if (!table || !hasLabel(table, label)) return undefined;
    const bytes = new Uint8Array(MIB);
    await disk.read(bytes, placeOf(label, disk.identity.bytes / SECTOR_BYTES).first * SECTOR_BYTES);
    return decodeText(bytes);
  }
  async function put(label: Label, text: string): Promise<void> {
    await using disk = await disks.open(name);
    await writeText(disk, label, text);
    await disk.sync();
  }
  return {
    name,
    async labels() {
      await using disk = await disks.open(name);
      return (await readTable(disk))?.partitions.map((partition) => partition.name) ?? [];
    },
    boot: () => read('BOOT', bootRecord),
    setBoot: (record) => put('BOOT', JSON.stringify(record)),
    meta: async () => (await read('META', metaRecord)) ?? {},
    setMeta: (record) => put('META', JSON.stringify(record)),
    state: async () => (await readText('STATE')) || undefined,
    setState: (text) => put('STATE', text),
    ephemeral: async () => (await read('EPHEMERAL', ephemeralRecord)) ?? {},
    setEphemeral: (record) => put('EPHEMERAL', JSON.stringify(record)),
    async provision() {
      await using disk = await disks.open(name);
      const table = await readTable(disk);
      if (!table) return;
      const sectors = disk.identity.bytes / SECTOR_BYTES;
      const missing = LABELS.filter((label) => !hasLabel(table, label));
      if (missing.length === 0) return;
      await writeTable(disk, withLabels(table, missing, sectors, randomUUID));
      for (const label of WITH_TEXT.filter((one) => missing.includes(one))) await writeText(disk, label, '');
      await disk.sync();
    },
    async drop(labels) {
      await using disk = await disks.open(name);
      const table = await readTable(disk);
      if (!table) return;
      const sectors = disk.identity.bytes / SECTOR_BYTES;
      const zeros = new Uint8Array(MIB);
      for (const label of labels) await disk.write(zeros, placeOf(label, sectors).first * SECTOR_BYTES);
      await writeTable(
        disk,
        labels.reduce((before, label) => withoutLabel(before, label), table),
      );
      await disk.sync();
    },
  };
}

/** Parts of one machine use a disk one after another: who comes while it is open waits. */
export function inTurn(disks: Disks): Disks {
  const turns = new Map<string, Promise<void>>();
  return {
    ...disks,
    async open(name) {
      const before = turns.get(name);
      const mine = Promise.withResolvers<void>();
      turns.set(name, mine.promise);
      await before;
      try {
        const disk = await disks.open(name);
        return {
          ...disk,
          async [Symbol.asyncDispose]() {
            await disk[Symbol.asyncDispose]();
            mine.resolve();
          },
        };
      } catch (error) {
        mine.resolve();
        throw error;
      }
    },
  };
}

async function readTable(disk: Disk): Promise<GptTable | undefined> {
  const head = new Uint8Array(MIB);
  await disk.read(head, 0);
  const found = readGptTable(head, SECTOR_BYTES);
  return found.ok ? found.table : undefined;
}

async function writeTable(disk: Disk, table: GptTable): Promise<void> {
  const { copy, primary } = encodeGptTable(table, disk.identity.bytes / SECTOR_BYTES);
  for (const piece of [...copy, ...primary] satisfies readonly Piece[]) await disk.write(piece.bytes, piece.at);
}

async function writeText(disk: Disk, label: Label, text: string): Promise<void> {
  const { first } = placeOf(label, disk.identity.bytes / SECTOR_BYTES);
  await disk.write(encodeText(text), first * SECTOR_BYTES);
}
