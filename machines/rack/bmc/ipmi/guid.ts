import type { Board } from '../board.ts';

/**
 * What Get System GUID and RAKP 2 say. Most BMCs tell the UUID in the order in which it is written; IPMI v2.0 §20.8 wants
 * its last byte first, and SMBIOS swaps its first three fields.
 */
export function guidOf({ hardware, quirk }: Board): Uint8Array {
  const bytes = Uint8Array.from(Buffer.from(hardware().uuid.replaceAll('-', ''), 'hex'));
  if (quirk('reversed-guid')) return bytes.toReversed();
  if (!quirk('swapped-uuid')) return bytes;
  const field = (from: number, to: number): Uint8Array => bytes.subarray(from, to).toReversed();
  return Uint8Array.of(...field(0, 4), ...field(4, 6), ...field(6, 8), ...bytes.subarray(8));
}
