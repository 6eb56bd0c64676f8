import { randomBytes } from 'node:crypto';
import { roleAllows } from '#machines/contract/api/role.ts';
import type { AccessKey, AccessStore, Role, User, UserStore } from '#services/store/contract.ts';
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
export const certificateId = (sha256: string): string => `certificate ${sha256}`;

/** A key was to be made with one that has ended meanwhile. */
export class KeyEnded extends Error {
  override readonly name = 'KeyEnded';
}

export type Made = { readonly key: AccessKey; readonly secret: string };

/**
 * Who may come in. Secrets are shown once, when they are made; the store has their hashes.
 *
 * A promise rejects only when the store is broken: "no such token" and "could not look" differ.
 */
export type Access = {
  /** The token or session that has this secret, if it is still valid. A code opens nothing but a session. */
  authenticate(secret: string): Promise<AccessKey | undefined>;
  /**
   * Whose it is, and when it ends at the latest, is said by the key that it is made with: it ends with that token or
   * certificate. What a session makes ends with what the session goes back to, or with its user: people make tokens for
   * programs and log out. Rejects with `KeyEnded` where `by` has ended meanwhile.
   */
  createToken(
    wanted: Pick<AccessKey, 'name' | 'role' | 'scope'> & {
      readonly days?: number;
      readonly by?: AccessKey;
    },
  ): Promise<Made>;
  /**
   * A code that `exchange` takes once, within `CODE_MS`. The session that it opens ends with the key that it is made with,
   * a session, too. Rejects with `KeyEnded` where that has ended meanwhile.
   */
  createCode(by: Bearer & Partial<AccessKey>): Promise<Made>;
  /** A session for somebody who has proven who they are. */
  openSession(of: Bearer): Promise<Made>;
  /** Uses a code up and opens a session with its name, role and scope. */
  exchange(code: string): Promise<Made | undefined>;
  /** Is what let somebody in still good? Asked of the store, so that what other daemons did is seen. */
  isValid(key: AccessKey): Promise<boolean>;
  /** The key that is kept under this id. */
  get(id: string): Promise<AccessKey | undefined>;
  /** Tokens and sessions that are still valid. */
  list(): Promise<readonly AccessKey[]>;
  /** Void at once, and all that was made with it. */
  remove(id: string): Promise<boolean>;
  /** What belongs to a user, void at once; of one kind, or all. */
  removeOf(user: string, kind?: AccessKey['kind']): Promise<void>;
  /** What these client certificates (SHA-256, hex) opened or made, void at once. */
  endCertificates(certificates: readonly string[]): Promise<void>;
  /** All tokens, sessions and codes, void at once. Gives their number. */
  removeAll(): Promise<number>;
  /** Makes a given secret valid: the token that lies in a file beside the database. */
  admit(wanted: {
    readonly id: string;
    readonly name: string;
    readonly role: Role;
    readonly secret: string;
  }): Promise<AccessKey>;
  /** Called with the id of each key that is removed, and `certificateId` of each that ends. Ends with the returned function. */
  onRemoved(listener: (id: string) => void): () => void;
};

export function openAccess({
  store,
  users,
  now,
  random = randomBytes,
}: {
  readonly store: AccessStore;
  readonly users: Pick<UserStore, 'get'>;
  readonly now: () => number;
  readonly random?: Random;
}): Access {
  const known = new Map<string, { readonly key: AccessKey; readonly until: number }>();
  const listeners = new Set<(id: string) => void>();
  let removals = 0;
  const expired = (key: AccessKey): boolean => key.expiresAt !== undefined && key.expiresAt <= now();

  async function make(key: Omit<AccessKey, 'id' | 'hash' | 'createdAt'>): Promise<Made> {
    const secret = newSecret(random);
    // In hex: an id that begins with a dash would be an option on a command line.
    const id = Buffer.from(random(9)).toString('hex');
    const made = { ...key, id, hash: hashOf(secret), createdAt: now() };
    if (!(await store.put(made))) throw new KeyEnded(`the key ${key.parent ?? ''} has ended`);
    return { key: made, secret };
  }

  /** The token, certificate or login that a session goes back to, by whatever codes; nothing where it has ended. */
  async function originOf(key: AccessKey): Promise<AccessKey | undefined> {
    let origin: AccessKey | undefined = key;
    while (origin?.kind === 'session' && origin.parent !== undefined) origin = await store.get(origin.parent);
    return origin;
  }

  /** Whoever it belongs to may still do what it says. Removing keys is what ends them; this holds where that came too late. */
  async function isCovered(key: AccessKey): Promise<boolean> {
    if (key.user === undefined) return true;
    const user = await users.get(key.user);
    return user !== undefined && covers(user, key);
  }

  async function lookUp(hash: string): Promise<AccessKey | undefined> {
    const remembered = known.get(hash);
    if (remembered && remembered.until > now()) return remembered.key;
    known.delete(hash);
    const before = removals;
    const key = await store.byHash(hash);
    if (!key || !sameHash(key.hash, hash) || !(await isCovered(key))) return undefined;
    // It may have been removed since it was read.
    if (removals !== before) return key;
    if (known.size >= REMEMBERED) known.delete(known.keys().next().value ?? '');
    known.set(hash, { key, until: now() + REMEMBER_MS });
    return key;
  }

  async function remove(id: string): Promise<boolean> {
    const gone = new Set(await store.remove(id));
    removals += 1;
    for (const [hash, { key }] of known) if (gone.has(key.id)) known.delete(hash);
    for (const one of gone) for (const listener of listeners) listener(one);
    return gone.size > 0;
  }

  async function removeWhere(isMeant: (key: AccessKey) => boolean): Promise<void> {
    const all = await store.list();
    await Promise.all(all.filter(isMeant).map(({ id }) => remove(id)));
  }

  return {
    async authenticate(secret) {
      if (!looksLikeSecret(secret)) return undefined;
      const key = await lookUp(hashOf(secret));
      return key && key.kind !== 'code' && !expired(key) ? key : undefined;
    },
    async createToken({ days, by, ...wanted }) {
      const origin = by && (await originOf(by));
      if (by && !origin) throw new KeyEnded(`what the session ${by.id} goes back to has ended`);
      const { user, certificate } = by ?? {};
      const longest = origin?.kind === 'session' ? origin.endsAt : origin?.expiresAt;
      const expiresAt = earliest(days === undefined ? undefined : now() + days * 86_400_000, longest);
      return await make({
        ...bearer(wanted),
        kind: 'token',
        ...(origin?.kind === 'token' ? madeWith(origin) : {}),
        ...(user === undefined ? {} : { user }),
        ...(certificate === undefined ? {} : { certificate }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      });
    },
    createCode: (by) =>
      make({
        ...bearer(by),
        kind: 'code',
        ...madeWith(by),
        ...(by.expiresAt === undefined ? {} : { endsAt: by.expiresAt }),
        expiresAt: earliest(now() + CODE_MS, by.expiresAt) ?? 0,
      }),
    openSession: (of) => make({ ...bearer(of), kind: 'session', expiresAt: now() + SESSION_MS }),
    async exchange(code) {
      if (!looksLikeSecret(code)) return undefined;
      const hash = hashOf(code);
      // Anything else than a code must not be used up by being tried as one.
      if ((await store.byHash(hash))?.kind !== 'code') return undefined;
      const key = await store.take(hash);
      if (!key || expired(key) || !(await isCovered(key))) return undefined;
      const { parent, certificate, endsAt } = key;
      return await make({
        ...bearer(key),
        kind: 'session',
        ...(parent === undefined ? {} : { parent }),
        ...(certificate === undefined ? {} : { certificate }),
        ...(endsAt === undefined ? {} : { endsAt }),
        expiresAt: earliest(now() + SESSION_MS, endsAt) ?? 0,
      }).catch((error: unknown) => {
        if (error instanceof KeyEnded) return undefined;
        throw error;
      });
    },
    async isValid(key) {
      if (expired(key)) return false;
      const isKept = isCertificate(key) || (await store.get(key.id)) !== undefined;
      return isKept && (await isCovered(key));
    },
    get: (id) => store.get(id),
    async list() {
      const all = await store.list();
      await Promise.all(all.filter(expired).map(({ id }) => remove(id)));
      return all.filter((key) => key.kind !== 'code' && !expired(key));
    },
    remove,
    removeOf: (user, kind) => removeWhere((key) => key.user === user && (kind === undefined || key.kind === kind)),
    async endCertificates(certificates) {
      await removeWhere(({ certificate }) => certificate !== undefined && certificates.includes(certificate));
      for (const one of certificates) for (const listener of listeners) listener(certificateId(one));
    },
    async removeAll() {
      const all = await store.list();
      await Promise.all(all.map(({ id }) => remove(id)));
      return all.length;
    },
    async admit({ id, name, role, secret }) {
      const hash = hashOf(secret);
      const known = await store.byHash(hash);
      if (known) return known;
      // What the one before has made was made by whoever had it.
      await remove(id);
      const key: AccessKey = { id, kind: 'token', hash, name, role, createdAt: now() };
      await store.put(key);
      return key;
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

/** A caller who is let in by a certificate itself has no key that is kept. */
const isCertificate = ({ id, certificate }: Partial<AccessKey>): boolean =>
  certificate !== undefined && id === certificateId(certificate);

/** What ends with a key that is kept, or with a certificate. */
const madeWith = (by: Partial<AccessKey>): Pick<AccessKey, 'parent' | 'certificate'> => ({
  ...(by.id === undefined || isCertificate(by) ? {} : { parent: by.id }),
  ...(by.certificate === undefined ? {} : { certificate: by.certificate }),
});

const earliest = (...times: readonly (number | undefined)[]): number | undefined => {
  const said = times.filter((time) => time !== undefined);
  return said.length === 0 ? undefined : Math.min(...said);
};

/** A key may say less than its user may, never more. */
const covers = (user: User, { role, scope, certificate }: AccessKey): boolean =>
  !user.disabled &&
  roleAllows(user.role, role) &&
  (user.scope === undefined || scope === user.scope || (scope?.startsWith(`${user.scope},`) ?? false)) &&
  (certificate === undefined || user.certificates.includes(certificate));
