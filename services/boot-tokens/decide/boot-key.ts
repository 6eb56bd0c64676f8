import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Long enough for a server's kernel, initrd and drivers; a machine that waits for a person has a session by then. */
export const TOKEN_MS = 15 * MINUTE_MS;
/** With a job behind it, which may have to try more than once. */
export const JOB_TOKEN_MS = 3 * HOUR_MS;
/** The same attempt may fetch its token again for so long. */
export const REISSUE_MS = 15 * MINUTE_MS;
/**
 * Silence after which a session ends. Longer than any break of a network that an erasure of days must survive; a machine
 * that boots again ends its older session at once.
 */
export const SESSION_SILENCE_MS = 24 * HOUR_MS;
/** A machine that erases the largest drives is done by then. */
export const SESSION_MS = 30 * 24 * HOUR_MS;

/** What one boot attempt may do at the machine plane. Secrets are here as their SHA-256 only. */
export type BootKey = {
  readonly attempt: string;
  /** The card that it boots by: whose machine that is, is asked each time, since machines are renamed and replaced. */
  readonly mac: MacAddress;
  readonly tokenHash: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Where it was presented from first. It never changes. */
  readonly address?: IpAddress | undefined;
  /** Where its agent said that it serves the machine API. */
  readonly port?: number | undefined;
  readonly sessionHash?: string | undefined;
  readonly heardAt?: number | undefined;
  readonly voided?: { readonly at: number; readonly because: string } | undefined;
};

/** Who holds the address that a token comes from, as far as it is our business to know. */
export type Holding =
  /** We lease addresses there: the card that holds it, or nobody. */
  | { readonly kind: 'leased'; readonly mac: MacAddress | undefined }
  /** Another server does; the card that was heard with it, if any. */
  | { readonly kind: 'elsewhere'; readonly mac: MacAddress | undefined };

export type Presented = { readonly kind: 'taken' } | { readonly kind: 'refused' | 'voids'; readonly because: string };

/**
 * May a token that is right be used from there? `isOwn` tells the cards of its machine. What refuses changes nothing; a
 * second address that presents it voids it, since then somebody else has it too.
 */
export function judgePresented(
  key: BootKey,
  from: { readonly address: IpAddress; readonly holding: Holding; readonly now: number },
  isOwn: (mac: MacAddress) => boolean,
): Presented {
  const { address, holding, now } = from;
  if (key.voided) return { kind: 'refused', because: `it is void: ${key.voided.because}` };
  if (key.address !== undefined && key.address !== address) {
    return { kind: 'voids', because: `it was used from ${key.address} and then from ${address}` };
  }
  const isAlive = key.sessionHash !== undefined && isSessionAlive(key, now);
  if (now > key.expiresAt && !isAlive) return { kind: 'refused', because: 'it has expired' };
  if (holding.mac !== undefined && !isOwn(holding.mac)) {
    return { kind: 'refused', because: `${address} is held by ${holding.mac}, which is another machine’s` };
  }
  if (holding.kind === 'leased' && holding.mac === undefined) {
    return { kind: 'refused', because: `nobody holds a lease of ${address}` };
  }
  return { kind: 'taken' };
}

export const isSessionAlive = ({ heardAt, issuedAt, voided }: BootKey, now: number): boolean =>
  voided === undefined && heardAt !== undefined && now - heardAt <= SESSION_SILENCE_MS && now - issuedAt <= SESSION_MS;

/** Nothing can be done with it any more. */
export const isOver = (key: BootKey, now: number): boolean => now > key.expiresAt && !isSessionAlive(key, now);
