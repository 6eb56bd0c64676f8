/** No I, l, O, 0 or 1: people read them out to each other in machine halls. */
const LOWER = 'abcdefghijkmnpqrstuvwxyz';
const UPPER = 'ABCDEFGHJKLMNPQRSTUVWXYZ';
const DIGITS = '23456789';
const ALL = LOWER + UPPER + DIGITS;

export type PasswordPolicy = { readonly min?: number | undefined; readonly max?: number | undefined };

/** What IPMI 1.5 keeps of a password; 94 bits at this alphabet. */
const USUAL_LENGTH = 16;

/**
 * Letters and digits only, because some firmware garbles the rest; one of each kind, because policies ask for it. As
 * long as IPMI can take, longer only where the policy wants it. `bytes` are random, four a character or more.
 */
export function makePassword(
  bytes: Uint8Array,
  { min = 0, max = Number.POSITIVE_INFINITY }: PasswordPolicy = {},
): string {
  const length = Math.max(min, Math.min(USUAL_LENGTH, max));
  if (length < 8 || length > 64) throw new RangeError(`a password of ${length} characters is not one`);
  if (bytes.length < length * 8) throw new RangeError(`${bytes.length} random bytes, want ${length * 8}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // 32 bits over fewer than 64 characters: what is uneven about it is one part in 60 million.
  const pick = (from: string, at: number): string => from[view.getUint32(at * 4) % from.length] ?? '';
  const picked = Array.from({ length }, (_, at) => pick([LOWER, UPPER, DIGITS][at] ?? ALL, at));
  // So that the first three do not tell their kind.
  for (let at = picked.length - 1; at > 0; at -= 1) {
    const other = view.getUint32((length + at) * 4) % (at + 1);
    [picked[at], picked[other]] = [picked[other] ?? '', picked[at] ?? ''];
  }
  return picked.join('');
}
