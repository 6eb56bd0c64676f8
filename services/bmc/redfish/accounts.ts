import { BmcError, type BmcObserver, type BmcTarget } from '../contract.ts';
import { type BmcRole, isFreeSlot, passwordProblem, type PasswordPolicy } from './decide/account.ts';
import { type Account, account, accountService } from './decide/resources.ts';
import { REDFISH_LIMITS, type RedfishLimits } from './limits.ts';
import { collectionPaths } from './members.ts';
import { openService, RedfishRefusal, type RedfishService } from './service.ts';

export type AccountOptions = {
  readonly signal: AbortSignal;
  readonly observer?: BmcObserver;
  readonly limits?: RedfishLimits;
};

type Found = { readonly path: string; readonly account: Account; readonly etag?: string | undefined };

/** How long passwords are to be, as the service tells it. */
export async function readPasswordPolicy(target: BmcTarget, options: AccountOptions): Promise<PasswordPolicy> {
  await using service = await open(target, options);
  return (await accountsOf(service, options.signal)).policy;
}

/**
 * A new user of the BMC, with a session of its own for the work. The password is measured by the BMC's policy before it
 * is sent. Rejects with `refused` where the name is taken or the policy is not met, `not-stored` where the BMC said yes
 * and has no such user.
 */
export async function createAccount(
  target: BmcTarget,
  wanted: { readonly username: string; readonly password: string; readonly role: BmcRole },
  options: AccountOptions,
): Promise<void> {
  const { signal } = options;
  await using service = await open(target, options);
  const { collection, policy } = await accountsOf(service, signal);
  const problem = passwordProblem(wanted.password, policy);
  if (problem !== undefined) throw new BmcError('refused', problem);
  const before = await listAccounts(service, collection, signal);
  if (before.some((one) => one.account.UserName === wanted.username)) {
    throw new BmcError('refused', `the BMC has a user ${JSON.stringify(wanted.username)} already`);
  }
  const body = { UserName: wanted.username, Password: wanted.password, RoleId: wanted.role, Enabled: true };
  try {
    await service.post(collection, body, signal);
  } catch (error) {
    // iDRAC and others have a fixed number of slots, and no POST. Dell wants all of it in one PATCH.
    if (!(error instanceof RedfishRefusal) || error.code !== 'not-supported') throw error;
    const slot = before.find((one) => isFreeSlot(one.account));
    if (!slot) throw new BmcError('refused', 'the BMC has no free slot for a user', { cause: error });
    await service.change(slot.path, body, { etag: slot.etag, signal });
  }
  const stored = (await listAccounts(service, collection, signal)).find(
    (one) => one.account.UserName === wanted.username,
  );
  if (!stored) throw new BmcError('not-stored', `it took the user ${JSON.stringify(wanted.username)} and has none`);
}

/**
 * Sets a user's password, the own one where no name is given, and proves it: resolves when a new session was opened
 * with it. Works for an account that may do nothing else (DSP0266 "Password change required"). A password that the BMC
 * took and does not accept rejects with `not-stored`: the old one still holds, most likely.
 */
export async function changePassword(
  target: BmcTarget,
  wanted: { readonly username?: string; readonly password: string },
  options: AccountOptions,
): Promise<void> {
  const { signal } = options;
  const username = wanted.username ?? target.credential?.username;
  if (username === undefined) throw new BmcError('refused', 'whose password? The target has no credential');
  {
    await using service = await open(target, options);
    const { path, etag } = await ownOrNamed(service, { username, password: wanted.password, signal });
    await service.change(path, { Password: wanted.password }, { etag, signal });
  }
  const credential = { ...target.credential, username, password: wanted.password };
  await using service = await open({ ...target, credential }, options);
  try {
    await service.get(service.root.SessionService ?? service.root.Systems ?? '/redfish/v1/Systems', signal);
  } catch (error) {
    if (!(error instanceof BmcError) || error.code !== 'credential') throw error;
    throw new BmcError('not-stored', `it took the new password of ${JSON.stringify(username)} and refuses it`, {
      cause: error,
    });
  }
}

/** Takes a user away. Never the one that is logged in with: rejects with `refused`. */
export async function deleteAccount(target: BmcTarget, username: string, options: AccountOptions): Promise<void> {
  const { signal } = options;
  if (username === target.credential?.username) {
    throw new BmcError('refused', `${JSON.stringify(username)} is who Ingot logs in as at this BMC`);
  }
  await using service = await open(target, options);
  const { collection } = await accountsOf(service, signal);
  const found = await named(service, collection, { username, signal });
  try {
    await service.remove(found.path, signal);
  } catch (error) {
    if (!(error instanceof RedfishRefusal) || error.code !== 'not-supported') throw error;
    // A slot is emptied, it cannot go.
    await service.change(found.path, { UserName: '', Enabled: false }, { etag: found.etag, signal });
  }
  const left = await listAccounts(service, collection, signal);
  if (left.some((one) => one.account.UserName === username)) {
    throw new BmcError('not-stored', `it says that ${JSON.stringify(username)} is gone, and still has it`);
  }
}

const open = (target: BmcTarget, { observer, limits = REDFISH_LIMITS, signal }: AccountOptions) =>
  openService(target, { observer, limits, signal });

async function accountsOf(
  service: RedfishService,
  signal: AbortSignal,
): Promise<{ readonly collection: string; readonly policy: PasswordPolicy }> {
  const path = service.root.AccountService;
  if (path === undefined) throw new BmcError('not-supported', 'the service tells of no accounts');
  const found = await service.read(accountService, path, signal);
  return { collection: found.Accounts ?? `${path.replace(/\/$/, '')}/Accounts`, policy: found };
}

async function listAccounts(
  service: RedfishService,
  collection: string,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const found: Found[] = [];
  // iDRAC has 16 slots, others fewer.
  for (const path of (await collectionPaths(service, collection, { requests: 8, signal })).slice(0, 64)) {
    const got = await service.get(path, signal);
    found.push({ path, account: service.parse(account, got), etag: got.etag });
  }
  return found;
}

async function named(
  service: RedfishService,
  collection: string,
  { username, signal }: { readonly username: string; readonly signal: AbortSignal },
): Promise<Found> {
  const found = (await listAccounts(service, collection, signal)).find((one) => one.account.UserName === username);
  if (!found) throw new BmcError('refused', `the BMC has no user ${JSON.stringify(username)}`);
  return found;
}

async function ownOrNamed(
  service: RedfishService,
  wanted: { readonly username: string; readonly password: string; readonly signal: AbortSignal },
): Promise<Pick<Found, 'path' | 'etag'>> {
  const { username, password, signal } = wanted;
  try {
    const { collection, policy } = await accountsOf(service, signal);
    const problem = passwordProblem(password, policy);
    if (problem !== undefined) throw new BmcError('refused', problem);
    return await named(service, collection, { username, signal });
  } catch (error) {
    if (!(error instanceof RedfishRefusal) || !error.keys.includes('PasswordChangeRequired')) throw error;
    // Nothing may be read, so the refusal itself names the account (DSP0266: MessageArgs of PasswordChangeRequired).
    const guess = `${(service.root.AccountService ?? '/redfish/v1/AccountService').replace(/\/$/, '')}/Accounts`;
    const [told] = error.messageArgs;
    if (told?.startsWith(`${guess}/`)) return { path: told };
    return await named(service, guess, { username, signal });
  }
}
