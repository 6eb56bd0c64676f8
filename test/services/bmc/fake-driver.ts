import { once } from 'node:events';
import type { Inventory } from '#machines/contract/inventory.ts';
import { inventory } from '#machines/contract/inventory.ts';
import {
  BMC_VERBS,
  type BmcEvent,
  type BmcIdentity,
  type BmcStatus,
  type BmcVerb,
  type BootOnce,
  type PowerState,
} from '#machines/contract/power.ts';
import type { Clock } from '#services/bmc/clock.ts';
import { type BmcDriver, BmcError, type BmcErrorCode } from '#services/bmc/contract.ts';

/** What is wrong with a fake BMC; may change while it is used. */
export type FakeFaults = {
  /** Each of the next requests fails so, or does not. */
  failing: (BmcErrorCode | undefined)[];
  /** Never answers, and does not heed its signal either. */
  hangs: boolean;
  /** Says yes to power and does nothing. */
  ignoresPower: boolean;
  /** Does what it is told, and says that it could not. */
  answersLost: number;
  /** Ignores the polite request. */
  ignoresSoft: boolean;
  /** Never comes further than this. */
  stuckPoweringOn: boolean;
};

/** A small machine with a BMC in it: power takes its time, a boot setting is spent by the boot. */
export function fakeMachine(options: {
  readonly clock: Clock;
  readonly verbs?: readonly BmcVerb[];
  readonly identity?: BmcIdentity;
  readonly takesMs?: number;
}) {
  const { clock, identity = { macs: [] }, takesMs = 3000 } = options;
  const verbs = new Set<BmcVerb>(options.verbs ?? BMC_VERBS);
  const faults: FakeFaults = {
    failing: [],
    hangs: false,
    ignoresPower: false,
    answersLost: 0,
    ignoresSoft: false,
    stuckPoweringOn: false,
  };
  /** All that was asked of it, in order. */
  const asked: string[] = [];
  /** What each boot was told to boot. */
  const boots: string[] = [];
  let power: PowerState = 'off';
  let next: { readonly state: PowerState; readonly at: number } | undefined;
  let boot: BootOnce | undefined;
  let inFlight = 0;
  let most = 0;
  let opened = 0;
  let closed = 0;
  let light = 0;

  function settle(): void {
    if (!next || clock.now() < next.at) return;
    if (next.state === 'on') {
      boots.push(boot?.device ?? 'own');
      boot = undefined;
    }
    power = next.state;
    next = undefined;
  }

  async function request<T>(
    name: BmcVerb | `boot ${string}` | 'identity',
    signal: AbortSignal,
    work: () => T,
  ): Promise<T> {
    signal.throwIfAborted();
    const verb = name.startsWith('boot') ? 'boot-once' : name;
    if (verb !== 'identity' && !verbs.has(verb as BmcVerb)) throw new BmcError('not-supported', `fake has no ${verb}`);
    inFlight += 1;
    most = Math.max(most, inFlight);
    try {
      asked.push(name);
      if (faults.hangs) await new Promise<never>(() => {});
      const failure = faults.failing.shift();
      if (failure) throw new BmcError(failure, `fake ${failure}`);
      settle();
      return work();
    } finally {
      inFlight -= 1;
    }
  }

  function change(action: 'on' | 'off' | 'soft' | 'reset'): void {
    if (action === 'reset' && power === 'off') throw new BmcError('state', 'fake is off');
    if (faults.ignoresPower || (action === 'soft' && faults.ignoresSoft)) return;
    if (action !== 'on' && action !== 'reset' && power === 'off') return;
    if (action === 'on') {
      if (power === 'on') return;
      power = 'powering-on';
      next = { state: 'on', at: faults.stuckPoweringOn ? Number.POSITIVE_INFINITY : clock.now() + takesMs };
    } else if (action === 'reset') {
      boots.push(boot?.device ?? 'own');
      boot = undefined;
    } else {
      power = 'powering-off';
      next = { state: 'off', at: clock.now() + takesMs };
    }
  }

  const driver = (): BmcDriver => ({
    type: 'redfish',
    verbs,
    status: (signal) =>
      request(
        'status',
        signal,
        (): BmcStatus => ({ power, health: 'ok', ...(light > 0 ? { identifying: true } : {}) }),
      ),
    power: (action, signal) =>
      request(action, signal, () => {
        change(action);
        if (faults.answersLost > 0) {
          faults.answersLost -= 1;
          throw new BmcError('timeout', 'fake: the answer was lost');
        }
      }),
    bootOnce: (wanted, signal) =>
      request(`boot ${wanted.device}`, signal, () => {
        boot = wanted.device === 'none' ? undefined : wanted;
      }),
    identify: (seconds, signal) =>
      request('identify', signal, () => {
        light = seconds;
      }),
    identity: (signal) => request('identity', signal, () => identity),
    inventory: (signal) =>
      request(
        'inventory',
        signal,
        (): Inventory =>
          inventory.parse({
            source: 'bmc',
            at: clock.now(),
            system: { ...(identity.serial === undefined ? {} : { serial: identity.serial }) },
            nics: identity.macs.map((mac) => ({ mac })),
          }),
      ),
    events: (signal) =>
      request('events', signal, (): readonly BmcEvent[] => [{ id: '1', severity: 'ok', text: 'fake started' }]),
    async console(signal) {
      signal.throwIfAborted();
      const typed: Uint8Array[] = [];
      let wake = Promise.withResolvers<void>();
      return {
        output: (async function* () {
          yield Buffer.from('login: ');
          while (!signal.aborted) {
            await Promise.race([wake.promise, once(signal, 'abort')]);
            wake = Promise.withResolvers();
            for (const bytes of typed.splice(0)) yield bytes;
          }
        })(),
        async write(bytes) {
          typed.push(bytes);
          wake.resolve();
        },
        async [Symbol.asyncDispose]() {
          wake.resolve();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      closed += 1;
    },
  });

  return {
    faults,
    asked,
    boots,
    verbs,
    /** As it is, not as it says. */
    power(): PowerState {
      settle();
      return power;
    },
    set(state: PowerState) {
      power = state;
      next = undefined;
    },
    light: () => light,
    /** The most requests that were in flight at once. */
    most: () => most,
    sessions: () => ({ opened, closed }),
    async open(): Promise<BmcDriver> {
      opened += 1;
      return driver();
    },
  };
}
export type FakeMachine = ReturnType<typeof fakeMachine>;
