import { z } from 'zod';
import type { Vault } from '#services/vault/vault.ts';
import type { BmcCredential } from './contract.ts';

/** As it lies sealed in the vault. */
const stored = z.strictObject({
  username: z.string(),
  password: z.string(),
  kg: z.string().optional(),
  setAt: z.number(),
});

export type CredentialInfo = { readonly name: string; readonly username: string; readonly setAt: number };

/**
 * Credentials of BMCs: those that an operator gave a name, and a BMC's own, which nobody has ever seen. Passwords go to
 * drivers and nowhere else.
 */
export type Credentials = {
  list(): Promise<readonly CredentialInfo[]>;
  get(name: string): Promise<BmcCredential | undefined>;
  set(name: string, credential: BmcCredential): Promise<void>;
  remove(name: string): Promise<boolean>;
  /** The one that was made for this BMC alone, and proven by a login. */
  own(address: string): Promise<BmcCredential | undefined>;
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
  async function read(name: string): Promise<z.output<typeof stored> | undefined> {
    const text = await vault.read(name);
    return text === undefined ? undefined : stored.parse(JSON.parse(text));
  }
  async function get(name: string): Promise<BmcCredential | undefined> {
    const found = await read(name);
    if (!found) return undefined;
    const { username, password, kg } = found;
    return { username, password, ...(kg === undefined ? {} : { kg }) };
  }
  const write = (name: string, { username, password, kg }: BmcCredential): Promise<void> =>
    vault.write(name, JSON.stringify({ username, password, ...(kg === undefined ? {} : { kg }), setAt: now() }));

  return {
    async list() {
      const names = await vault.names(NAMED);
      const found = await Promise.all(
        names.map(async (name) => {
          // One that does not open is there nevertheless, to be set again.
          const one = await read(name).catch(() => undefined);
          return { name: name.slice(NAMED.length), username: one?.username ?? '?', setAt: one?.setAt ?? 0 };
        }),
      );
      return found.toSorted((a, b) => a.name.localeCompare(b.name));
    },
    get: (name) => get(NAMED + name),
    set: (name, credential) => write(NAMED + name, credential),
    remove: (name) => vault.remove(NAMED + name),
    own: (address) => get(OWN + address),
    keepPending: (address, credential) => write(PENDING + address, credential),
    pending: (address) => get(PENDING + address),
    async promote(address) {
      const pending = await get(PENDING + address);
      if (!pending) throw new Error(`${address} has no pending credential`);
      await write(OWN + address, pending);
      await vault.remove(PENDING + address);
    },
    async dropPending(address) {
      await vault.remove(PENDING + address);
    },
    dropOwn: (address) => vault.remove(OWN + address),
  };
}
