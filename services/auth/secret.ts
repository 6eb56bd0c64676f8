import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Secrets have 256 random bits, so a fast hash is enough and nobody can try them out. */
const SECRET_BYTES = 32;

/** So that secret scanners, and people, know what they have found. */
const PREFIX = 'ingot_';

export type Random = (bytes: number) => Uint8Array;

export const newSecret = (random: Random = randomBytes): string =>
  `${PREFIX}${Buffer.from(random(SECRET_BYTES)).toString('base64url')}`;

const SECRET = /^ingot_[A-Za-z0-9_-]{43}$/;

/** Can it be one of our secrets at all? Anything else never reaches the store. */
export const looksLikeSecret = (text: string): boolean => SECRET.test(text);

export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** In constant time: how far two hashes agree is not told by how long it takes. */
export function sameHash(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one, 'hex'), Buffer.from(other, 'hex')];
  return a.length === b.length && a.length > 0 && timingSafeEqual(a, b);
}
