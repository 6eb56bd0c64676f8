import type { BmcIdentity, BmcStatus, BmcVerb } from '#machines/contract/power.ts';
import { BmcError, type BmcDriver, type BmcObserver, type BmcTarget } from '../contract.ts';
import { setBootOnce } from './boot-once.ts';
import { printed } from './decide/inventory.ts';
import { resetNeed, resetTypeFor } from './decide/reset.ts';
import { light, manager, managerProtocols, system } from './decide/resources.ts';
import { bootProgressOf, healthOf, lightBodies, lightOf, powerStateOf } from './decide/state.ts';
import { readEvents } from './events.ts';
import { bmcUrl } from './http.ts';
import { findMachine, type MachinePaths } from './find-machine.ts';
import { readInventory, readMacs } from './inventory.ts';
import { REDFISH_LIMITS, type RedfishLimits } from './limits.ts';
import { readWatts } from './power-draw.ts';
import { openService, RedfishRefusal, type RedfishService } from './service.ts';

export type RedfishOptions = { readonly limits?: RedfishLimits; readonly signal?: AbortSignal };

/**
 * A machine by its BMC's Redfish service. Opening logs in and reads what the service can do; the session is kept until
 * the driver is disposed of, which logs out. Rejects with a `BmcError`; then nothing is left open.
 */
export async function openRedfish(
  target: BmcTarget,
  observer?: BmcObserver,
  options: RedfishOptions = {},
): Promise<BmcDriver> {
  const { limits = REDFISH_LIMITS } = options;
  const opening = AbortSignal.timeout(limits.openMs);
  const signal = options.signal ? AbortSignal.any([opening, options.signal]) : opening;
  return await withTimeout(signal, async () => {
    await using stack = new AsyncDisposableStack();
    const service = stack.use(await openService(target, { observer, limits, signal }));
    const machine = await findMachine(service, { wanted: target.system, requests: limits.requests, signal });
    service.rest();
    const held = stack.move();
    return driverOf({ target, service, machine, limits, close: () => held.disposeAsync() });
  });
}

function driverOf(parts: {
  readonly target: BmcTarget;
  readonly service: RedfishService;
  readonly machine: MachinePaths;
  readonly limits: RedfishLimits;
  readonly close: () => Promise<void>;
}): BmcDriver {
  const { target, service, machine, limits, close } = parts;
  const verbs = verbsOf(machine);
  const { host, hostname } = bmcUrl(target.address);

  /** One burst of requests on kept connections. */
  async function burst<T>(verb: BmcVerb, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (!verbs.has(verb)) throw new BmcError('not-supported', `the BMC at ${host} has no ${verb}`);
    try {
      return await withTimeout(signal, work);
    } finally {
      service.rest();
    }
  }

  return {
    type: 'redfish',
    verbs,
    status: (signal) => burst('status', signal, () => readStatus(signal)),
    power: (action, signal) => burst(action, signal, () => askPower(action, signal)),
    bootOnce: (wanted, signal) =>
      burst('boot-once', signal, () => setBootOnce({ service, systemPath: machine.system, limits, signal, wanted })),
    identify: (seconds, signal) => burst('identify', signal, () => setLight(seconds > 0, signal)),
    identity: (signal) => burst('status', signal, () => readIdentity(signal)),
    inventory: (signal) =>
      burst('inventory', signal, () =>
        readInventory({ service, machine, limits, address: hostname, at: Date.now(), signal }),
      ),
    events: (signal) => burst('events', signal, () => readEvents({ service, logs: machine.logs, limits, signal })),
    console: (signal) =>
      burst('console', signal, () => Promise.reject(new BmcError('not-supported', 'Redfish has no serial line'))),
    serialPort: (signal) => burst('status', signal, () => readSerialPort(signal)),
    [Symbol.asyncDispose]: close,
  };

  async function readSerialPort(signal: AbortSignal): Promise<number | undefined> {
    if (machine.manager === undefined) return undefined;
    const { NetworkProtocol } = await service.read(manager, machine.manager, signal);
    if (NetworkProtocol === undefined) return undefined;
    const { IPMI } = await service.read(managerProtocols, NetworkProtocol, signal);
    if (IPMI?.ProtocolEnabled === false)
      throw new BmcError(
        'not-supported',
        `IPMI over LAN is off on the BMC at ${host}: its serial line cannot be reached`,
      );
    return IPMI?.Port;
  }

  async function readStatus(signal: AbortSignal): Promise<BmcStatus> {
    const found = await service.read(system, machine.system, signal);
    const health = healthOf(found.Status);
    const bootProgress = bootProgressOf(found.BootProgress);
    const identifying = lightOf(found);
    const powerWatts = await readWatts(service, machine, signal);
    return {
      power: powerStateOf(found.PowerState),
      ...(health === undefined ? {} : { health }),
      ...(bootProgress === undefined ? {} : { bootProgress }),
      ...(identifying === undefined ? {} : { identifying }),
      ...(powerWatts === undefined ? {} : { powerWatts }),
    };
  }

  async function askPower(action: 'on' | 'off' | 'soft' | 'reset', signal: AbortSignal): Promise<void> {
    const type = resetTypeFor(action, machine.reset?.allowed);
    if (!machine.reset || type === undefined) throw new BmcError('not-supported', `no ResetType for ${action}`);
    const need = async () =>
      resetNeed(action, powerStateOf((await service.read(system, machine.system, signal)).PowerState));
    const first = await need();
    if (first === 'already') return;
    if (first === 'off') throw new BmcError('state', 'the machine is off and cannot be reset');
    try {
      await service.post(machine.reset.target, { ResetType: type }, signal);
    } catch (error) {
      // iDRAC answers 409 to On when it is on, others 400: what counts is whether it is.
      const isAnswer = error instanceof RedfishRefusal && (error.code === 'state' || error.code === 'refused');
      if (!isAnswer || (await need()) !== 'already') throw error;
    }
  }

  async function setLight(on: boolean, signal: AbortSignal): Promise<void> {
    const path = machine.light ?? machine.system;
    const got = await service.get(path, signal);
    let refused: unknown;
    for (const body of lightBodies(service.parse(light, got), on)) {
      try {
        await service.change(path, body, { etag: got.etag, signal });
        return;
      } catch (error) {
        if (!(error instanceof RedfishRefusal) || error.code !== 'refused') throw error;
        refused ??= error;
      }
    }
    throw refused ?? new BmcError('not-supported', `${path} has no light any more`);
  }

  async function readIdentity(signal: AbortSignal): Promise<BmcIdentity> {
    const found = await service.read(system, machine.system, signal);
    const version = machine.manager && (await service.read(manager, machine.manager, signal)).FirmwareVersion;
    const macs = await readMacs({ service, machine, limits, signal });
    const { Vendor: vendor } = service.root;
    const [manufacturer, product] = [printed(found.Manufacturer), printed(found.Model)];
    const [serial, sku] = [printed(found.SerialNumber), printed(found.SKU)];
    return {
      ...(manufacturer === undefined ? {} : { manufacturer }),
      ...(product === undefined ? {} : { product }),
      ...(serial === undefined ? {} : { serial }),
      ...(sku === undefined ? {} : { sku }),
      ...(found.UUID === undefined ? {} : { uuid: found.UUID.toLowerCase() }),
      macs,
      ...(vendor === undefined ? {} : { bmcVendor: vendor }),
      ...(version === undefined ? {} : { bmcVersion: version }),
    };
  }
}

function verbsOf({ reset, canBoot, light, logs }: MachinePaths): ReadonlySet<BmcVerb> {
  const power = (['on', 'off', 'soft', 'reset'] as const).filter(
    (verb) => reset && resetTypeFor(verb, reset.allowed) !== undefined,
  );
  return new Set<BmcVerb>([
    'status',
    ...power,
    ...(canBoot ? (['boot-once'] as const) : []),
    ...(light === undefined ? [] : (['identify'] as const)),
    'inventory',
    ...(logs === undefined ? [] : (['events'] as const)),
  ]);
}

/** Whatever a deadline cut off, it is a `timeout` of this BMC; another reason to stop is passed on. */
async function withTimeout<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    signal.throwIfAborted();
    return await work();
  } catch (error) {
    if (!signal.aborted || error instanceof BmcError) throw error;
    const reason: unknown = signal.reason;
    const isTimeout = reason instanceof DOMException && reason.name === 'TimeoutError';
    throw isTimeout ? new BmcError('timeout', 'the BMC was not done within the time given', { cause: reason }) : reason;
  }
}
