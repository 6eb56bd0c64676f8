import type { Random } from '#services/auth/secret.ts';
import type { Bmcs, MachineBmc } from './bmcs.ts';
import { type BmcCredential, BmcError, type BmcTarget } from './contract.ts';
import type { Clock } from './clock.ts';
import type { Credentials } from './credentials.ts';
import { makePassword, type PasswordPolicy } from './decide/password.ts';

/** Sets the password of the account that is logged in, and proves it by a new login; rejects with a `BmcError`. */
export type ChangePassword = (target: BmcTarget, password: string, signal: AbortSignal) => Promise<void>;

/** Makes a user that may do everything; rejects with a `BmcError`, `refused` where the name is taken. */
export type CreateAccount = (
  target: BmcTarget,
  account: { readonly username: string; readonly password: string },
  signal: AbortSignal,
) => Promise<void>;
/** Takes such a user away again. */
export type RemoveAccount = (target: BmcTarget, username: string, signal: AbortSignal) => Promise<void>;
/** How long a BMC wants its passwords. */
export type ReadPolicy = (target: BmcTarget, signal: AbortSignal) => Promise<PasswordPolicy>;

/** What is done to the accounts of BMCs. */
export type Accounts = {
  readonly change: ChangePassword;
  readonly create?: CreateAccount;
  readonly remove?: RemoveAccount;
  readonly policy?: ReadPolicy;
};

/** Who Ingot is at a BMC where it has a user of its own: another one than its administrator, who may have that name. */
const ownUserBeside = ({ username }: BmcCredential): string => (username === 'ingot' ? 'ingot-own' : 'ingot');

const RANDOM_BYTES = 512;
const ROTATE_MS = 90_000;

/**
 * Gives a BMC a password of its own, and where `ownUser` is said and it has none yet, a user of its own. The new one is
 * sealed before the BMC hears of it, and the old one is what counts until a login with the new one has worked: whatever
 * breaks in between, one of the two opens it, and the next rotation or `settle` finds out which.
 */
export async function rotate(
  bmc: MachineBmc,
  parts: {
    readonly bmcs: Bmcs;
    readonly credentials: Credentials;
    readonly accounts: Accounts;
    readonly ownUser?: boolean;
    readonly random: Random;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly username: string }> {
  const { bmcs, credentials, accounts, random, clock } = parts;
  const { address, type } = bmc;
  if (type !== 'redfish' && type !== 'ipmi') throw new BmcError('not-supported', `${type} has no accounts`);
  const signal = AbortSignal.any([parts.signal, AbortSignal.timeout(ROTATE_MS)]);
  await settle(bmc, { ...parts, signal });
  const old = await currentOf(bmc, credentials);
  const isFirst = (await credentials.own(address)) === undefined;
  // The one that has an own password already keeps its user: that password would be lost with it.
  const create = parts.ownUser === true && isFirst ? creatorOf(bmc, accounts) : undefined;
  const record = bmcs.record(address);
  const target: BmcTarget = {
    type,
    address,
    credential: old,
    ...(bmc.system === undefined ? {} : { system: bmc.system }),
    ...(record?.pin ? { pin: record.pin.sha256 } : {}),
    ...(record ? { learned: record.learned } : {}),
  };
  const policy = await accounts.policy?.(target, signal);
  const password = makePassword(random(RANDOM_BYTES), policy);
  const fresh: BmcCredential = { ...old, ...(create ? { username: ownUserBeside(old) } : {}), password };
  await credentials.keepPending(address, fresh);
  try {
    if (create) {
      await create(target, fresh, signal);
      await proveNew(bmc, { bmcs, fresh, signal }).catch(async (cause: unknown) => {
        // A user whose password nobody knows would stand in the way of the next one.
        await accounts.remove?.(target, fresh.username, signal).catch(() => {});
        throw cause;
      });
    } else await accounts.change(target, password, signal);
  } catch (error) {
    // A BMC that refused it has the old one; of any other end, nobody knows.
    const hasOld =
      error instanceof BmcError &&
      (error.code === 'refused' ||
        error.code === 'not-supported' ||
        error.code === 'not-stored' ||
        error.code === 'privilege' ||
        error.code === 'credential');
    if (hasOld) await credentials.dropPending(address);
    throw error;
  }
  await credentials.promote(address);
  await bmcs.change(bmc, (before) => ({ ...before, credential: OWN_CREDENTIAL, seenAt: clock.now() }));
  await bmcs.renew(address);
  return { username: fresh.username };
}

function creatorOf({ type, address }: MachineBmc, { create }: Accounts): CreateAccount {
  if (create) return create;
  throw new BmcError('not-supported', `${address}: no user can be made by ${type}: say ownUser: false for it`);
}

async function proveNew(
  bmc: MachineBmc,
  { bmcs, fresh, signal }: { readonly bmcs: Bmcs; readonly fresh: BmcCredential; readonly signal: AbortSignal },
): Promise<void> {
  try {
    await using driver = await bmcs.open(bmc, signal, fresh);
    await driver.status(signal);
  } catch (cause) {
    if (!(cause instanceof BmcError) || cause.code !== 'credential') throw cause;
    throw new BmcError('not-stored', `it made the user ${fresh.username} and does not let it in`, { cause });
  }
}

/** How a record says that the BMC has a password of its own. */
export const OWN_CREDENTIAL = 'own';

/** Which of two passwords is the right one, where a rotation was cut off: the new one is tried first, once. */
export async function settle(
  bmc: MachineBmc,
  parts: { readonly bmcs: Bmcs; readonly credentials: Credentials; readonly signal: AbortSignal },
): Promise<void> {
  const { bmcs, credentials, signal } = parts;
  const pending = await credentials.pending(bmc.address);
  if (!pending) return;
  try {
    await using driver = await bmcs.open(bmc, signal, pending);
    await driver.status(signal);
  } catch (error) {
    if (!(error instanceof BmcError) || error.code !== 'credential') throw error;
    await credentials.dropPending(bmc.address);
    return;
  }
  await credentials.promote(bmc.address);
  await bmcs.change(bmc, (before) => ({ ...before, credential: OWN_CREDENTIAL }));
  await bmcs.renew(bmc.address);
}

async function currentOf({ address, credential }: MachineBmc, credentials: Credentials): Promise<BmcCredential> {
  const found =
    (await credentials.own(address)) ?? (credential === undefined ? undefined : await credentials.get(credential));
  if (!found) throw new BmcError('credential', `${address} has no credential that could be rotated`);
  return found;
}
