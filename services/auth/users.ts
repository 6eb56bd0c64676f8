import type { Role, User, UserStore } from '#services/store/contract.ts';
import type { Access, Made } from './access.ts';
import { afterWrong, FREE_TRIES, FREE_TRIES_OF_ADDRESS, type Tries, waitOf } from './decide/lockout.ts';
import type { Passwords } from './password.ts';

/** Names and addresses whose wrong passwords are remembered; the oldest are forgotten first. */
const REMEMBERED = 10_000;

export type Login =
  | ({ readonly kind: 'in' } & Made)
  /** No such user, a disabled one, one without a password, or a wrong one: nobody is told which. */
  | { readonly kind: 'wrong'; readonly locked: boolean }
  /** Too many wrong ones: nothing was looked at. */
  | { readonly kind: 'wait'; readonly ms: number };

export type UserChange = {
  readonly role?: Role | undefined;
  /** `null`: all machines. */
  readonly scope?: string | null | undefined;
  readonly disabled?: boolean | undefined;
  readonly certificates?: readonly string[] | undefined;
};

/** People who may come in, and what they may. A promise rejects only when the store is broken. */
export type Users = {
  list(): Promise<readonly User[]>;
  get(name: string): Promise<User | undefined>;
  create(wanted: {
    readonly name: string;
    readonly role: Role;
    readonly scope?: string | undefined;
    readonly password?: string | undefined;
    readonly certificates?: readonly string[];
    readonly source?: User['source'];
  }): Promise<User | 'exists'>;
  /** Sessions and tokens of the user end; where only certificates changed, what those opened that are the user's no more. */
  change(name: string, change: UserChange): Promise<User | undefined>;
  /** Sessions of the user end; tokens stay. With `current`, only where it is the password still. */
  setPassword(name: string, password: string, current?: string): Promise<boolean>;
  remove(name: string): Promise<boolean>;
  login(tried: { readonly name: string; readonly password: string; readonly address: string }): Promise<Login>;
  /** Is this the user's password? Counted like a login. */
  verify(tried: {
    readonly name: string;
    readonly password: string;
    readonly address: string;
  }): Promise<Exclude<Login, { kind: 'in' }> | { readonly kind: 'right' }>;
  /**
   * A session for somebody whom an OpenID provider knows: made at their first login, with role and scope as the provider's
   * claims say at each. A name that is somebody else's here is refused: it is theirs, whatever a provider says.
   */
  fromProvider(claimed: {
    readonly subject: string;
    readonly name: string;
    readonly role: Role;
    readonly scope: string | undefined;
  }): Promise<({ readonly kind: 'in' } & Made) | { readonly kind: 'refused'; readonly because: string }>;
  /** Whose client certificate this is (SHA-256, hex); nobody's where the user is disabled, or two have it. */
  byCertificate(sha256: string): Promise<User | undefined>;
};

export function openUsers(parts: {
  readonly store: UserStore;
  readonly access: Pick<Access, 'openSession' | 'removeOf' | 'endCertificates'>;
  readonly passwords: Passwords;
  readonly now: () => number;
}): Users {
  const { store, access, passwords, now } = parts;
  const ofNames = new Map<string, Tries>();
  const ofAddresses = new Map<string, Tries>();

  function countWrong(tries: Map<string, Tries>, key: string): Tries {
    const after = afterWrong(tries.get(key), now());
    // Again at the end: the oldest ones are those that are forgotten.
    tries.delete(key);
    tries.set(key, after);
    if (tries.size > REMEMBERED) tries.delete(tries.keys().next().value ?? '');
    return after;
  }

  /** As it was before; less one where others were counted since. */
  function takeBack(tries: Map<string, Tries>, key: string, mine: Tries, before: Tries | undefined): void {
    const current = tries.get(key);
    if (!current) return;
    if (current !== mine) tries.set(key, { ...current, wrong: current.wrong - 1 });
    else if (before) tries.set(key, before);
    else tries.delete(key);
  }

  async function verify({ name, password, address }: Parameters<Users['verify']>[0]) {
    const at = now();
    const network = networkOf(address);
    const ms = Math.max(
      waitOf(ofNames.get(name), FREE_TRIES, at),
      waitOf(ofAddresses.get(network), FREE_TRIES_OF_ADDRESS, at),
    );
    if (ms > 0) return { kind: 'wait', ms } as const;
    // Counted before it is looked at: a hundred tries at once are a hundred tries.
    const before = [ofNames.get(name), ofAddresses.get(network)] as const;
    const tries = countWrong(ofNames, name);
    const triesThere = countWrong(ofAddresses, network);
    let user: User | undefined;
    let right: boolean;
    try {
      user = await store.get(name);
      right = await passwords.verify(password, user?.passwordHash);
    } catch (error) {
      // Nobody looked at it, so it was not wrong.
      takeBack(ofNames, name, tries, before[0]);
      takeBack(ofAddresses, network, triesThere, before[1]);
      throw error;
    }
    if (!right || !user || user.disabled) {
      const locked = waitOf(tries, FREE_TRIES, at) > 0 || waitOf(triesThere, FREE_TRIES_OF_ADDRESS, at) > 0;
      return { kind: 'wrong', locked } as const;
    }
    ofNames.delete(name);
    // Of the address only this one: with one account of their own nobody gets tries for others.
    const there = ofAddresses.get(network);
    if (there) ofAddresses.set(network, { ...there, wrong: there.wrong - 1 });
    return { kind: 'right', user } as const;
  }

  /** Nothing that they have opened or made is good any more. */
  async function end({ name, certificates }: User): Promise<void> {
    await access.removeOf(name);
    await access.endCertificates(certificates);
  }

  const open = (user: User): Promise<Made> =>
    access.openSession({
      name: user.name,
      user: user.name,
      role: user.role,
      ...(user.scope === undefined ? {} : { scope: user.scope }),
    });

  let last: Promise<unknown> = Promise.resolve();
  /** One change of users after another: none is undone by somebody who read before it and writes after it. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  }

  async function opened(user: User): Promise<Made> {
    await store.put({ ...user, lastLoginAt: now() });
    return await open(user);
  }

  return {
    list: () => store.list(),
    get: (name) => store.get(name),
    async create({ name, role, scope, password, certificates = [], source = 'local' }) {
      const hashed =
        password === undefined ? {} : { passwordHash: await passwords.hash(password), passwordChangedAt: now() };
      const user: User = {
        name,
        role,
        ...(scope === undefined ? {} : { scope }),
        disabled: false,
        certificates,
        source,
        createdAt: now(),
        ...hashed,
      };
      return await inTurn(async () => {
        if (await store.get(name)) return 'exists';
        await store.put(user);
        return user;
      });
    },
    change: (name, { role, scope, disabled, certificates }) =>
      inTurn(async () => {
        const before = await store.get(name);
        if (!before) return undefined;
        const { scope: oldScope, ...rest } = before;
        const newScope = scope === undefined ? oldScope : (scope ?? undefined);
        const after: User = {
          ...rest,
          ...(newScope === undefined ? {} : { scope: newScope }),
          role: role ?? before.role,
          disabled: disabled ?? before.disabled,
          certificates: certificates ?? before.certificates,
        };
        await store.put(after);
        const same = after.role === before.role && newScope === oldScope && after.disabled === before.disabled;
        if (!same) await end(before);
        else await access.endCertificates(before.certificates.filter((one) => !after.certificates.includes(one)));
        return after;
      }),
    async setPassword(name, password, current) {
      const before = await store.get(name);
      if (!before) return false;
      if (current !== undefined && !(await passwords.verify(current, before.passwordHash))) return false;
      const passwordHash = await passwords.hash(password);
      return await inTurn(async () => {
        const user = await store.get(name);
        if (!user || (current !== undefined && user.passwordHash !== before.passwordHash)) return false;
        await store.put({ ...user, passwordHash, passwordChangedAt: now() });
        ofNames.delete(name);
        await access.removeOf(name, 'session');
        // A code is a session that was not opened yet.
        await access.removeOf(name, 'code');
        return true;
      });
    },
    remove: (name) =>
      inTurn(async () => {
        const before = await store.get(name);
        const removed = await store.remove(name);
        if (before) await end(before);
        return removed;
      }),
    async login(tried) {
      const outcome = await verify(tried);
      if (outcome.kind !== 'right') return outcome;
      return await inTurn(async () => {
        // Disabled, removed or given another password while this one was looked at.
        const user = await store.get(tried.name);
        if (!user || user.disabled || user.passwordHash !== outcome.user.passwordHash) {
          return { kind: 'wrong', locked: false };
        }
        return { kind: 'in', ...(await opened(user)) };
      });
    },
    async verify(tried) {
      const outcome = await verify(tried);
      return outcome.kind === 'right' ? { kind: 'right' } : outcome;
    },
    fromProvider: ({ subject, name, role, scope }) =>
      inTurn(async () => {
        const all = await store.list();
        // By the subject, not by the name: a name can be given to somebody else there.
        const known = all.find((user) => user.subject === subject);
        if (!known && all.some((user) => user.name === name)) {
          return { kind: 'refused', because: `there is another user ${name} here` };
        }
        if (known?.disabled === true) return { kind: 'refused', because: `user ${known.name} is disabled` };
        const user: User = {
          ...(known ?? { name, disabled: false, certificates: [], source: 'oidc', createdAt: now() }),
          subject,
          role,
        };
        const { scope: _before, ...rest } = user;
        const after: User = scope === undefined ? rest : { ...rest, scope };
        // What the provider no longer says of them must not live on in what was opened before.
        if (known && (known.role !== role || known.scope !== scope)) await end(known);
        return { kind: 'in', ...(await opened(after)) };
      }),
    async byCertificate(sha256) {
      const [user, other] = (await store.list()).filter(({ certificates }) => certificates.includes(sha256));
      // Of two nobody knows which one it is.
      return user?.disabled === false && !other ? user : undefined;
    },
  };
}

/** A host has a /64 of IPv6 to itself (RFC 6177), so that its addresses count together. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - groups.length - after.length) }, () => '0');
  return [...groups, ...zeros, ...after].slice(0, 4).join(':');
}
