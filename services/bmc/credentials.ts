import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Vault } from '#services/vault/vault.ts';
import type { BmcCredential } from './contract.ts';
import { type CredentialWanted, shownChange } from './decide/credential-change.ts';

/** As it lies sealed in the vault. */
const stored = z.strictObject({
  username: z.string(),
  password: z.string(),
  kg: z.string().optional(),
  /** Of the secret and whose it is. */
  setAt: z.number(),
  labels: z.record(z.string(), z.string()).default({}),
  rotateDays: z.number().optional(),
  ownUser: z.boolean().default(false),
  /** The file or folder that it was applied from. */
  appliedFrom: z.string().optional(),
});
type Stored = z.output<typeof stored>;

/** What may be shown of a credential. */
export type CredentialInfo = {
  readonly name: string;
  readonly username: string;
  readonly setAt: number;
  readonly hasKg: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly rotateDays?: number;
  readonly ownUser: boolean;
  readonly appliedFrom?: string;
};

/** How the passwords of BMCs that it opens are looked after. */
export type CredentialCare = { readonly rotateDays?: number | undefined; readonly ownUser?: boolean | undefined };

/** What applying a credential came to, or would. `without`: its secret is to stay, and there is none. */
export type CredentialChange =
  | { readonly kind: 'created' | 'changed' | 'unchanged'; readonly shown: ReturnType<typeof shownChange> }
  | { readonly kind: 'without' };

/**
 * Credentials of BMCs: those that an operator gave a name, and a BMC's own, which nobody has ever seen. Passwords go to
 * drivers and nowhere else.
 */
export type Credentials = {
  list(): Promise<readonly CredentialInfo[]>;
  get(name: string): Promise<BmcCredential | undefined>;
  /** Another secret; what else is said of it stays, unless `care` says otherwise. */
  set(name: string, credential: BmcCredential, care?: CredentialCare): Promise<void>;
  /** As a file says it. With `dryRun`, only tells what it would come to. */
  apply(
    name: string,
    wanted: CredentialWanted,
    how: { readonly dryRun: boolean; readonly from: string | undefined },
  ): Promise<CredentialChange>;
  remove(name: string): Promise<boolean>;
  /** The one that was made for this BMC alone, and proven by a login. */
  own(address: string): Promise<BmcCredential | undefined>;
  /** Whose password that is, and since when. */
  ownInfo(address: string): Promise<{ readonly username: string; readonly setAt: number } | undefined>;
  /** Kept before it is set on the BMC: after a crash either the old or this one is the right one. */
  keepPending(address: string, credential: BmcCredential): Promise<void>;
  pending(address: string): Promise<BmcCredential | undefined>;
  promote(address: string): Promise<void>;
  dropPending(address: string): Promise<void>;
  dropOwn(address: string): Promise<boolean>;
};

const NAMED = 'credential/';
const OWN = 'bmc-own/';
const PENDING = 'bmc-pending/';

export function openCredentials({
  vault,
  now,
}: {
  readonly vault: Pick<Vault, 'read' | 'write' | 'remove' | 'names'>;
  readonly now: () => number;
}): Credentials {
  /** Lists of a thousand BMCs open no thousand seals. */
  const owners = new Map<string, { readonly username: string; readonly setAt: number }>();

  async function read(name: string): Promise<Stored | undefined> {
    const text = await vault.read(name);
    return text === undefined ? undefined : stored.parse(JSON.parse(text));
  }
  async function get(name: string): Promise<BmcCredential | undefined> {
    const found = await read(name);
    if (!found) return undefined;
    const { username, password, kg } = found;
    return { username, password, ...(kg === undefined ? {} : { kg }) };
  }
  const write = (
    name: string,
    { username, password, kg }: BmcCredential,
    more: Partial<Omit<Stored, 'username' | 'password' | 'kg'>> = {},
  ): Promise<void> =>
    vault.write(
      name,
      JSON.stringify({ ...more, username, password, ...(kg === undefined ? {} : { kg }), setAt: more.setAt ?? now() }),
    );

  return {
    async list() {
      const names = await vault.names(NAMED);
      const found = await Promise.all(
        names.map(async (name): Promise<CredentialInfo> => {
          // One that does not open is there nevertheless, to be set again.
          const one = await read(name).catch(() => undefined);
          return {
            name: name.slice(NAMED.length),
            username: one?.username ?? '?',
            setAt: one?.setAt ?? 0,
            hasKg: one?.kg !== undefined,
            labels: one?.labels ?? {},
            ...(one?.rotateDays === undefined ? {} : { rotateDays: one.rotateDays }),
            ownUser: one?.ownUser ?? false,
            ...(one?.appliedFrom === undefined ? {} : { appliedFrom: one.appliedFrom }),
          };
        }),
      );
      return found.toSorted((a, b) => a.name.localeCompare(b.name));
    },
    get: (name) => get(NAMED + name),
    async set(name, credential, { rotateDays, ownUser } = {}) {
      // One that does not open is replaced, with all that was said of it.
      const before = await read(NAMED + name).catch(() => undefined);
      const { setAt: _setAt, username: _user, password: _password, kg: _kg, ...rest } = before ?? {};
      await write(NAMED + name, credential, {
        ...rest,
        ...(rotateDays === undefined ? {} : { rotateDays }),
        ...(ownUser === undefined ? {} : { ownUser }),
      });
    },
    async apply(name, wanted, { dryRun, from }) {
      const before = await read(NAMED + name).catch(() => undefined);
      const password = wanted.password ?? before?.password;
      if (password === undefined) return { kind: 'without' };
      const shown = shownChange(before, wanted);
      const isSame = isDeepStrictEqual(shown.before, shown.after);
      const kind = before === undefined ? 'created' : isSame ? 'unchanged' : 'changed';
      const appliedFrom = from ?? before?.appliedFrom;
      if (dryRun || (isSame && appliedFrom === before?.appliedFrom)) return { kind, shown };
      const kg = wanted.keepsKg === true ? before?.kg : wanted.kg;
      const isSameSecret = before?.username === wanted.username && before.password === password && before.kg === kg;
      await write(
        NAMED + name,
        { username: wanted.username, password, ...(kg === undefined ? {} : { kg }) },
        {
          ...(isSameSecret ? { setAt: before.setAt } : {}),
          labels: { ...wanted.labels },
          ...(wanted.rotateDays === undefined ? {} : { rotateDays: wanted.rotateDays }),
          ownUser: wanted.ownUser,
          ...(appliedFrom === undefined ? {} : { appliedFrom }),
        },
      );
      return { kind, shown };
    },
    remove: (name) => vault.remove(NAMED + name),
    own: (address) => get(OWN + address),
    async ownInfo(address) {
      const known = owners.get(address);
      if (known) return known;
      const found = await read(OWN + address);
      if (!found) return undefined;
      const info = { username: found.username, setAt: found.setAt };
      owners.set(address, info);
      return info;
    },
    keepPending: (address, credential) => write(PENDING + address, credential),
    pending: (address) => get(PENDING + address),
    async promote(address) {
      const pending = await get(PENDING + address);
      if (!pending) throw new Error(`${address} has no pending credential`);
      await write(OWN + address, pending);
      owners.delete(address);
      await vault.remove(PENDING + address);
    },
    async dropPending(address) {
      await vault.remove(PENDING + address);
    },
    dropOwn(address) {
      owners.delete(address);
      return vault.remove(OWN + address);
    },
  };
}
