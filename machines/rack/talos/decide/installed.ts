import { z } from 'zod';

const entry = z.strictObject({ version: z.string(), schematic: z.string() });

/** What BOOT says: two entries of the loader, and which of them comes next. */
export const bootRecord = z.strictObject({
  next: z.enum(['A', 'B']),
  entries: z.strictObject({ A: entry.optional(), B: entry.optional() }),
  /** The command line, less what the entry itself brings. */
  line: z.string(),
});
export type BootRecord = z.infer<typeof bootRecord>;
export type Slot = BootRecord['next'];

/** META: values by their tags. */
export const metaRecord = z.record(z.string(), z.string());
export type MetaRecord = z.infer<typeof metaRecord>;

/** EPHEMERAL: the member of etcd whose data lies in it, by ids in decimal, and all that it knew of. */
export const ephemeralRecord = z.strictObject({
  etcd: z
    .strictObject({
      cluster: z.string(),
      member: z.string(),
      members: z.array(z.strictObject({ id: z.string(), hostname: z.string(), address: z.string() })),
    })
    .optional(),
});
export type EphemeralRecord = z.infer<typeof ephemeralRecord>;

export const otherSlot = (slot: Slot): Slot => (slot === 'A' ? 'B' : 'A');

/** A release beside the one that is next, which it becomes. */
export function withRelease(
  boot: BootRecord,
  release: { readonly version: string; readonly schematic: string },
): BootRecord {
  const next = otherSlot(boot.next);
  return { ...boot, next, entries: { ...boot.entries, [next]: release } };
}

/** Back to the other one; undefined where there is none. */
export function rolledBack(boot: BootRecord): BootRecord | undefined {
  const next = otherSlot(boot.next);
  return boot.entries[next] ? { ...boot, next } : undefined;
}
