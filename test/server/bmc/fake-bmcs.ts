import { randomBytes, randomUUID } from 'node:crypto';
import { openBmcService } from '#server/bmc/bmc-service.ts';
import type { BmcService } from '#server/bmc/contract.ts';
import type { BmcIdentity } from '#machines/contract/power.ts';
import type { Clock } from '#services/bmc/clock.ts';
import { BmcError, type BmcTarget } from '#services/bmc/contract.ts';
import type { PasswordPolicy } from '#services/bmc/decide/password.ts';
import { POLL_TIMES } from '#services/bmc/poller.ts';
import type { Refusal } from '#services/bmc/power.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { Store } from '#services/store/contract.ts';
import { openVault, type Vault } from '#services/vault/vault.ts';
import { type FakeMachine, fakeMachine } from '#test/services/bmc/fake-driver.ts';
import { virtualClock } from '#test/services/bmc/virtual-clock.ts';

type AuditNote = { who: string; action: string; target: string; detail: string };

type FakeBmc = {
  readonly machine: FakeMachine;
  /** What it shows. */
  fingerprint: string;
  username: string;
  password: string;
  /** Who may log in besides. */
  readonly users: Map<string, string>;
  policy: PasswordPolicy;
  /** Each login, in order. */
  readonly logins: { readonly username: string | undefined; readonly isRight: boolean }[];
  /** How the next change of its password goes wrong. */
  changing: 'works' | 'refused' | 'cut off before' | 'cut off after';
};

export const FINGERPRINT = 'ab'.repeat(32);

/** BMCs by their addresses, which answer as drivers do, and the service that speaks to them. */
export async function fakeBmcs(parts: {
  readonly store: Pick<Store, 'bmcs' | 'inventories' | 'secrets'>;
  readonly registry: Pick<Registry, 'machine' | 'machines' | 'note'>;
  readonly dir: string;
  readonly clock?: Clock;
  readonly held?: (machine: string) => Refusal | undefined;
  readonly audit?: (entry: AuditNote) => void;
  /** Waited for in the middle of each change of a password. */
  readonly whileChanging?: () => Promise<void>;
}): Promise<{
  /** Passwords that were to be changed, in order. */
  readonly changes: readonly { readonly address: string; readonly at: number }[];
  readonly service: BmcService;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly bmcs: Map<string, FakeBmc>;
  add(address: string, identity?: BmcIdentity): FakeBmc;
}> {
  const { store, registry, dir, clock = virtualClock() } = parts;
  const bmcs = new Map<string, FakeBmc>();
  const changes: { address: string; at: number }[] = [];
  const vault = await openVault({
    secrets: store.secrets,
    dataDir: dir,
    credentialsDir: undefined,
    random: randomBytes,
  });

  function reached(address: string): FakeBmc {
    const found = bmcs.get(address);
    if (!found) throw new BmcError('unreachable', `nobody listens at ${address}`);
    return found;
  }

  async function open({ address, credential, pin }: BmcTarget) {
    const bmc = reached(address);
    if (pin !== undefined && pin !== bmc.fingerprint) {
      throw new BmcError('certificate', `${address} shows another certificate than the pinned one`);
    }
    const right = credential?.username === bmc.username ? bmc.password : bmc.users.get(credential?.username ?? '');
    const isRight = credential !== undefined && credential.password === right;
    bmc.logins.push({ username: credential?.username, isRight });
    if (!isRight) throw new BmcError('credential', `${address} refuses the user or password`);
    return await bmc.machine.open();
  }

  const service = await openBmcService({
    store,
    vault,
    registry,
    drivers: {
      redfish: async (target, observer) => {
        const driver = await open(target);
        const { fingerprint: sha256 } = reached(target.address);
        if (target.pin === undefined) observer.pinned?.({ sha256, subject: 'CN=fake', validTo: 'later' });
        return driver;
      },
      ipmi: (target) => open({ ...target, address: target.address.replace(/^(?!https)/, 'https://') }),
      wol: open,
      webhook: open,
    },
    probes: {
      async redfish(address) {
        const { fingerprint } = reached(address);
        return { address, vendor: 'Fake', fingerprint, subject: 'CN=fake', validTo: 'later' };
      },
      rmcp: async (address) => bmcs.has(address),
    },
    accounts: {
      async change(target, password) {
        const bmc = reached(target.address);
        await open(target);
        changes.push({ address: target.address, at: clock.now() });
        await parts.whileChanging?.();
        if (bmc.changing === 'refused') throw new BmcError('refused', 'too short for it');
        if (bmc.changing === 'cut off before') throw new BmcError('timeout', 'it went away');
        const username = target.credential?.username ?? '';
        if (username === bmc.username) bmc.password = password;
        else bmc.users.set(username, password);
        if (bmc.changing === 'cut off after') throw new BmcError('timeout', 'it went away');
      },
      async create(target, { username, password }) {
        const bmc = reached(target.address);
        await open(target);
        if (bmc.users.has(username)) throw new BmcError('refused', `it has a user ${username} already`);
        bmc.users.set(username, password);
      },
      async policy({ address }) {
        return reached(address).policy;
      },
    },
    ...(parts.audit ? { audit: parts.audit } : {}),
    ...(parts.held ? { held: parts.held } : {}),
    clock,
    // A virtual day of ticks of a tenth of a second is a minute of this one.
    pollTimes: { ...POLL_TIMES, tickMs: 5000 },
    chance: () => 0.5,
    random: randomBytes,
    newId: randomUUID,
    log: { info() {}, warn() {}, error() {} },
  });

  return {
    vault,
    changes,
    service,
    clock,
    bmcs,
    add(address, identity) {
      const bmc: FakeBmc = {
        machine: fakeMachine({ clock, ...(identity ? { identity } : {}) }),
        fingerprint: FINGERPRINT,
        username: 'admin',
        password: 'secret',
        users: new Map(),
        policy: {},
        logins: [],
        changing: 'works',
      };
      bmcs.set(address, bmc);
      return bmc;
    },
  };
}
