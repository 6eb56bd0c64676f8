import { fieldsOf } from './fields.ts';

/** A slot of a master boot record that is in use; places in sectors, relative for those of an extended partition. */
export type MbrPartition = { readonly type: number; readonly first: number; readonly sectors: number };

const PROTECTIVE = 0xee;
const EXTENDED: readonly number[] = [0x05, 0x0f, 0x85];

export const isExtended = ({ type }: MbrPartition): boolean => EXTENDED.includes(type);

/** What stands in the first sector: a table of partitions, the mark that a GPT follows, or neither. */
export type Mbr = { readonly kind: 'dos' | 'protective'; readonly partitions: readonly MbrPartition[] };

/**
 * Reads a boot record. A FAT or NTFS boot sector ends in the same two bytes, so each slot must look like one: the boot
 * flag is 0 or 0x80, and what is in use has a length.
 */
export function decodeMbr(sector: Uint8Array): Mbr | undefined {
  const at = fieldsOf(sector);
  if (!at.has(510, [0x55, 0xaa])) return undefined;
  const partitions: MbrPartition[] = [];
  for (let slot = 446; slot < 510; slot += 16) {
    const flag = at.u8(slot);
    if (flag !== 0 && flag !== 0x80) return undefined;
    const type = at.u8(slot + 4) ?? 0;
    const first = at.u32(slot + 8) ?? 0;
    const sectors = at.u32(slot + 12) ?? 0;
    if (type !== 0 && sectors !== 0) partitions.push({ type, first, sectors });
  }
  if (partitions.some(({ type }) => type === PROTECTIVE)) return { kind: 'protective', partitions };
  return partitions.length === 0 ? undefined : { kind: 'dos', partitions };
}
