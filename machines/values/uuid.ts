import { type Parsed, parsed, refused } from './parsed.ts';

declare const brand: unique symbol;

/** Lower case, dashed. */
export type Uuid = string & { readonly [brand]: 'Uuid' };

export function parseUuid(text: string): Parsed<Uuid> {
  const lower = text.trim().toLowerCase();
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(lower)) {
    return refused(text, 'a UUID such as 12345678-1234-5678-9abc-def012345678');
  }
  return parsed(lower as Uuid);
}

/** Sixteen bytes as they stand: RFC 9562 order, all fields big-endian. */
export function uuidFromBytes(bytes: Uint8Array): Uuid {
  if (bytes.length !== 16) throw new RangeError(`got ${bytes.length} bytes, want 16`);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as Uuid;
}

/**
 * The same identity with the first three fields in the other byte order. SMBIOS 2.6 §7.2.1 stores them little-endian
 * and PXE ROMs put them on the wire as stored, but some send RFC order: compare both before calling two UUIDs
 * different.
 */
export function uuidByteSwapped(uuid: Uuid): Uuid {
  const [low = '', mid = '', high = '', ...rest] = uuid.split('-');
  const swap = (field: string) => (field.match(/../g) ?? []).toReversed().join('');
  return [swap(low), swap(mid), swap(high), ...rest].join('-') as Uuid;
}

/**
 * Boards whose vendor never set a UUID send one of these; many machines share it, so it identifies none.
 * All equal bytes covers zeros and ones; the rest are seen on real boards (AMI and Supermicro defaults).
 */
export function isPlaceholderUuid(uuid: Uuid): boolean {
  const hex = uuid.replaceAll('-', '');
  return (
    /^(..)\1{15}$/.test(hex) ||
    hex === '03000200040005000006000700080009' ||
    hex === '00020003000400050006000700080009' ||
    hex.startsWith('0000000000000000')
  );
}
