import { randomBytes } from 'node:crypto';
import type { AccessKey, AccessStore, Role } from '#services/store/contract.ts';
import { hashOf, looksLikeSecret, newSecret, type Random, sameHash } from './secret.ts';

/** From the line that `serve` prints to a browser on the same desk. */
export const CODE_MS = 15 * 60 * 1000;
/** A working day, and the evening after it. */
export const SESSION_MS = 12 * 60 * 60 * 1000;
/** Another daemon on the same database may void a token; this one learns of it so late at most. */
const REMEMBER_MS = 5000;
const REMEMBERED = 1000;

/** What a key says of whoever has it. */
export type Bearer = Pick<AccessKey, 'name' | 'role' | 'user' | 'scope'>;

/** Who shows a certificate has no key that is kept; what it opened ends by this id. */
export const certificateId = (user: string): string => `certificate of ${user}`;

export type Made = { readonly key: AccessKey; readonly secret: string };

/**
 * Who may come in. Secrets are shown once, when they are made; the store has their hashes.
 *
 * A promise rejects only when the store is broken: "no such token" and "could not look" differ.
 */
export type Access = {
  /** The token or session that has this secret, if it is still valid. A code opens nothing but a session. */
  authenticate(secret: string): Promise<AccessKey | undefined>;
  createToken(wanted: Bearer & { readonly days?: number }): Promise<Made>;
  /** A code that `exchange` takes once, within `CODE_MS`. */
  createCode(of: Bearer): Promise<Made>;
  /** A session for somebody who has proven who they are. */
  openSession(of: Bearer): Promise<Made>;
  /** Uses a code up and opens a session with its name, role and scope. */
  exchange(code: string): Promise<Made | undefined>;
  /** Tokens and sessions that are still valid. */
  list(): Promise<readonly AccessKey[]>;
  /** Void at once. */
  remove(id: string): Promise<boolean>;
  /** What belongs to a user, void at once; of one kind, or all. */
  removeOf(user: string, kind?: AccessKey['kind']): Promise<void>;
  /** All tokens, sessions and codes, void at once. Gives their number. */
  removeAll(): Promise<number>;
  /** Makes a given secret valid: the token that lies in a file beside the database. */
  admit(wanted: {
    readonly id: string;
    readonly name: string;
    readonly role: Role;
    readonly secret: string;
  }): Promise<void>;
  /** Called with the id of each key that is removed, and `certificateId` of whose keys all are. Ends with the returned function. */
  onRemoved(listener: (id: string) => void): () => void;
};

export function openAccess({
  store,
  now,
  random = randomBytes,
}: {
  readonly store: AccessStore;
  readonly now: () => number;
  readonly random?: Random;
}): Access {
  const known = new Map<string, { readonly key: AccessKey; readonly until: number }>();
  const listeners = new Set<(id: string) => void>();
  const expired = (key: AccessKey): boolean => key.expiresAt !== undefined && key.expiresAt <= now();

  async function make(key: Omit<AccessKey, 'id' | 'hash' | 'createdAt'>): Promise<Made> {
    const secret = newSecret(random);
    // In hex: an id that begins with a dash would be an option on a command line.
    const id = Buffer.from(random(9)).toString('hex');
    const made = { ...key, id, hash: hashOf(secret), createdAt: now() };
    await store.put(made);
    return { key: made, secret };
  }

  async function lookUp(hash: string): Promise<AccessKey | undefined> {
    const remembered = known.get(hash);
    if (remembered && remembered.until > now()) return remembered.key;
    known.delete(hash);
    const key = await store.byHash(hash);
    if (!key || !sameHash(key.hash, hash)) return undefined;
    if (known.size >= REMEMBERED) known.delete(known.keys().next().value ?? '');
    known.set(hash, { key, until: now() + REMEMBER_MS });
    return key;
  }

  async function remove(id: string): Promise<boolean> {
    for (const [hash, { key }] of known) if (key.id === id) known.delete(hash);
    const removed = await store.remove(id);
    // A request may have looked it up while it was being removed.
    for (const [hash, { key }] of known) if (key.id === id) known.delete(hash);
    for (const listener of listeners) listener(id);
    return removed;
  }

  return {
    async authenticate(secret) {
      if (!looksLikeSecret(secret)) return undefined;
      const key = await lookUp(hashOf(secret));
      return key && key.kind !== 'code' && !expired(key) ? key : undefined;
    },
    createToken: ({ days, ...of }) =>
      make({ ...bearer(of), kind: 'token', ...(days === undefined ? {} : { expiresAt: now() + days * 86_400_000 }) }),
    createCode: (of) => make({ ...bearer(of), kind: 'code', expiresAt: now() + CODE_MS }),
    openSession: (of) => make({ ...bearer(of), kind: 'session', expiresAt: now() + SESSION_MS }),
    async exchange(code) {
      if (!looksLikeSecret(code)) return undefined;
      const hash = hashOf(code);
      // Anything else than a code must not be used up by being tried as one.
      if ((await store.byHash(hash))?.kind !== 'code') return undefined;
      const key = await store.take(hash);
      if (!key || expired(key)) return undefined;
      return await make({ ...bearer(key), kind: 'session', expiresAt: now() + SESSION_MS });
    },
    async list() {
      const all = await store.list();
      await Promise.all(all.filter(expired).map(({ id }) => remove(id)));
      return all.filter((key) => key.kind !== 'code' && !expired(key));
    },
    remove,
    async removeOf(user, kind) {
      const all = await store.list();
      const its = all.filter((key) => key.user === user && (kind === undefined || key.kind === kind));
      await Promise.all(its.map(({ id }) => remove(id)));
      if (kind === undefined) for (const listener of listeners) listener(certificateId(user));
    },
    async removeAll() {
      const all = await store.list();
      await Promise.all(all.map(({ id }) => remove(id)));
      return all.length;
    },
    async admit({ id, name, role, secret }) {
      const hash = hashOf(secret);
      const before = (await store.list()).find((key) => key.id === id);
      if (before?.hash === hash) return;
      if (before) await remove(id);
      await store.put({ id, kind: 'token', hash, name, role, createdAt: now() });
    },
    onRemoved(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

const bearer = ({ name, role, user, scope }: Bearer): Bearer => ({
  name,
  role,
  ...(user === undefined ? {} : { user }),
  ...(scope === undefined ? {} : { scope }),
});
