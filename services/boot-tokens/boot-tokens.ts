import { z } from 'zod';
import { ipAddress, macAddress } from '#machines/contract/documents.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import { hashOf, looksLikeSecret, newSecret, type Random } from '#services/auth/secret.ts';
import type { Vault } from '#services/vault/vault.ts';
import {
  type BootKey,
  type Holding,
  isOver,
  isSessionAlive,
  JOB_TOKEN_MS,
  judgePresented,
  REISSUE_MS,
  TOKEN_MS,
} from './decide/boot-key.ts';

const PREFIX = 'boot-key/';
/** Far more than boot or wait in the agent at once; a flood of attempts ends here. */
const MAX_KEYS = 10_000;
/** Signs of life are written so often: a daemon that comes back knows to the hour who was there. */
const HEARD_KEPT_MS = 3600_000;

/** Kept sealed, although it holds hashes only: it says which machine may do what. */
const kept = z.strictObject({
  attempt: z.string().max(64),
  mac: macAddress,
  tokenHash: z.string(),
  issuedAt: z.number(),
  expiresAt: z.number(),
  address: ipAddress.optional(),
  port: z.int().min(1).max(65_535).optional(),
  sessionHash: z.string().optional(),
  heardAt: z.number().optional(),
  voided: z.strictObject({ at: z.number(), because: z.string() }).optional(),
});

export type Refused = { readonly kind: 'refused'; readonly because: string };

/** A session as the machine plane needs it. */
export type BootSession = {
  readonly attempt: string;
  readonly mac: MacAddress;
  readonly address: IpAddress;
  /** Of its machine API. */
  readonly port: number;
};

/** Tokens of boot attempts, and the sessions that they open. Only hashes are kept, and they outlive a restart. */
export type BootTokens = {
  /**
   * The token of an attempt: the same one when it is asked for again within a quarter of an hour. Durable when it
   * resolves. `forJob`: a job waits for this boot.
   */
  issue(whose: {
    readonly attempt: string;
    readonly mac: MacAddress;
    readonly forJob: boolean;
  }): Promise<{ readonly kind: 'issued'; readonly token: string } | Refused>;
  /**
   * A token is presented; it opens a session in the place of an earlier one. `unknown`: it is none of ours. `voided`: it
   * was right, and is no good any more, for anybody.
   */
  present(presented: {
    readonly token: string;
    readonly attempt: string;
    readonly address: IpAddress;
    readonly port: number;
    readonly holding: Holding;
    /** Is this a card of the machine that the token's card belongs to? */
    readonly isOwn: (mac: MacAddress, own: MacAddress) => boolean;
  }): Promise<
    | { readonly kind: 'opened'; readonly session: string; readonly of: BootSession }
    | { readonly kind: 'unknown' }
    | { readonly kind: 'refused' | 'voided'; readonly attempt: string; readonly because: string }
  >;
  /**
   * A token is shown for what can be read by it alone. It opens no session; its address is kept as if it had been
   * presented, and a second address that shows it voids it.
   */
  use(shown: {
    readonly token: string;
    readonly address: IpAddress;
    readonly holding: Holding;
    readonly isOwn: (mac: MacAddress, own: MacAddress) => boolean;
  }): Promise<
    | { readonly kind: 'taken'; readonly attempt: string; readonly mac: MacAddress }
    | { readonly kind: 'unknown' }
    | { readonly kind: 'refused' | 'voided'; readonly attempt: string; readonly because: string }
  >;
  /** The session that a secret opens, from the address that it was opened from; a sign of life. */
  session(secret: string, address: IpAddress): BootSession | undefined;
  /** Ends what an attempt may do. */
  void(attempt: string, because: string): Promise<void>;
  /** After a restore, a clone or a clock jump (safety rule 6). Gives their number. */
  voidAll(): Promise<number>;
};

export async function openBootTokens(parts: {
  readonly vault: Pick<Vault, 'read' | 'write' | 'remove' | 'names'>;
  readonly random: Random;
  readonly now: () => number;
  /** A sign of life could not be written: the store is gone. */
  readonly failed: (error: unknown) => void;
}): Promise<BootTokens> {
  const { vault, random, now } = parts;
  const keys = new Map<string, BootKey>();
  const byToken = new Map<string, string>();
  const bySession = new Map<string, string>();
  /** In the clear for as long as the same boot may ask again, in memory alone. */
  const shown = new Map<string, string>();
  /** When the sign of life was written. */
  const heardKept = new Map<string, number>();
  let last: Promise<unknown> = Promise.resolve();

  for (const name of await vault.names(PREFIX)) {
    const read = kept.safeParse(parsed((await vault.read(name)) ?? ''));
    if (!read.success || isOver(read.data, now())) await vault.remove(name);
    // While the daemon was away nobody could give a sign of life.
    else remember(read.data.sessionHash === undefined ? read.data : { ...read.data, heardAt: now() });
  }

  function remember(key: BootKey): void {
    const before = keys.get(key.attempt);
    if (before) unlink(before);
    keys.set(key.attempt, key);
    byToken.set(key.tokenHash, key.attempt);
    if (key.sessionHash !== undefined) bySession.set(key.sessionHash, key.attempt);
  }

  function unlink({ attempt, tokenHash, sessionHash }: BootKey): void {
    keys.delete(attempt);
    byToken.delete(tokenHash);
    if (sessionHash !== undefined) bySession.delete(sessionHash);
  }

  /** One change at a time: a token that is presented twice at once opens one session after the other. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(work, work);
    last = result.catch(() => {});
    return result;
  }

  async function keep(key: BootKey): Promise<void> {
    await vault.write(PREFIX + key.attempt, JSON.stringify(key));
    remember(key);
    heardKept.set(key.attempt, key.heardAt ?? 0);
  }

  async function forget(key: BootKey): Promise<void> {
    unlink(key);
    shown.delete(key.attempt);
    heardKept.delete(key.attempt);
    await vault.remove(PREFIX + key.attempt);
  }

  async function makeRoom(): Promise<boolean> {
    if (keys.size < MAX_KEYS) return true;
    for (const key of [...keys.values()]) if (isOver(key, now())) await forget(key);
    return keys.size < MAX_KEYS;
  }

  async function voidKey(key: BootKey, because: string): Promise<void> {
    shown.delete(key.attempt);
    await keep({ ...key, sessionHash: undefined, voided: { at: now(), because } });
  }

  /** The machine has booted anew: whoever still speaks for its earlier boot is not this machine. */
  async function endIfEarlier(
    other: BootKey,
    key: BootKey,
    isOwn: (mac: MacAddress, own: MacAddress) => boolean,
  ): Promise<void> {
    if (other.attempt === key.attempt || other.voided || !isOwn(other.mac, key.mac)) return;
    await voidKey(other, 'the machine has booted again');
  }

  const sessionOf = ({ attempt, mac, address, port }: BootKey): BootSession | undefined =>
    address === undefined || port === undefined ? undefined : { attempt, mac, address, port };

  return {
    issue: ({ attempt, mac, forJob }) =>
      inTurn(async () => {
        const at = now();
        const before = keys.get(attempt);
        const again = shown.get(attempt);
        if (before?.voided) return refused(`the key of this attempt is void: ${before.voided.because}`);
        if (before && at - before.issuedAt > REISSUE_MS) return refused('the token of this attempt was sent long ago');
        if (before && again !== undefined) return { kind: 'issued', token: again };
        // The daemon was restarted in between; what was sent before is not known here any more.
        if (before?.address !== undefined) return refused('the token of this attempt has been used');
        if (!(await makeRoom())) return refused(`${MAX_KEYS} boots have their token already`);
        const token = newSecret(random);
        const life = forJob ? JOB_TOKEN_MS : TOKEN_MS;
        await keep({ attempt, mac, tokenHash: hashOf(token), issuedAt: at, expiresAt: at + life });
        shown.set(attempt, token);
        return { kind: 'issued', token };
      }),

    present: ({ token, attempt, address, port, holding, isOwn }) =>
      inTurn(async () => {
        const name = looksLikeSecret(token) ? byToken.get(hashOf(token)) : undefined;
        const key = name === undefined ? undefined : keys.get(name);
        if (!key || key.attempt !== attempt) return { kind: 'unknown' };
        const judged = judgePresented(key, { address, holding, now: now() }, (mac) => isOwn(mac, key.mac));
        if (judged.kind === 'refused') return { kind: 'refused', attempt, because: judged.because };
        if (judged.kind === 'voids') {
          await voidKey(key, judged.because);
          return { kind: 'voided', attempt, because: judged.because };
        }
        for (const other of [...keys.values()]) {
          if (other.sessionHash !== undefined) await endIfEarlier(other, key, isOwn);
        }
        const session = newSecret(random);
        await keep({ ...key, address, port, sessionHash: hashOf(session), heardAt: now() });
        return { kind: 'opened', session, of: { attempt, mac: key.mac, address, port } };
      }),

    use: ({ token, address, holding, isOwn }) =>
      inTurn(async () => {
        const attempt = looksLikeSecret(token) ? byToken.get(hashOf(token)) : undefined;
        const key = attempt === undefined ? undefined : keys.get(attempt);
        if (!key) return { kind: 'unknown' };
        const judged = judgePresented(key, { address, holding, now: now() }, (mac) => isOwn(mac, key.mac));
        if (judged.kind === 'refused') return { kind: 'refused', attempt: key.attempt, because: judged.because };
        if (judged.kind === 'voids') {
          await voidKey(key, judged.because);
          return { kind: 'voided', attempt: key.attempt, because: judged.because };
        }
        for (const other of [...keys.values()]) {
          if (other.issuedAt < key.issuedAt) await endIfEarlier(other, key, isOwn);
        }
        if (key.address === undefined) await keep({ ...key, address });
        return { kind: 'taken', attempt: key.attempt, mac: key.mac };
      }),

    session(secret, address) {
      const attempt = looksLikeSecret(secret) ? bySession.get(hashOf(secret)) : undefined;
      const key = attempt === undefined ? undefined : keys.get(attempt);
      if (!key || key.address !== address || !isSessionAlive(key, now())) return undefined;
      const heard = { ...key, heardAt: now() };
      keys.set(key.attempt, heard);
      if (heard.heardAt - (heardKept.get(key.attempt) ?? 0) > HEARD_KEPT_MS) {
        heardKept.set(key.attempt, heard.heardAt);
        inTurn(async () => {
          const newest = keys.get(key.attempt);
          if (newest) await keep(newest);
        }).catch(parts.failed);
      }
      return sessionOf(key);
    },

    void: (attempt, because) =>
      inTurn(async () => {
        const key = keys.get(attempt);
        if (key && !key.voided) await voidKey(key, because);
      }),

    voidAll: () =>
      inTurn(async () => {
        const all = [...keys.values()];
        for (const key of all) await forget(key);
        return all.length;
      }),
  };
}

const refused = (because: string): Refused => ({ kind: 'refused', because });

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
