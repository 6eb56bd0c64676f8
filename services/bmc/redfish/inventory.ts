import { inventory, type Inventory } from '#machines/contract/inventory.ts';
import type { z } from 'zod';
import { BmcError } from '../contract.ts';
import { type AdapterParts, inventoryOf, nicsOf } from './decide/inventory.ts';
import { read } from './decide/read.ts';
import {
  chassis,
  drive,
  ethernetInterface,
  manager,
  memoryModule,
  networkAdapter,
  networkDeviceFunction,
  networkInterface,
  pcieDevice,
  pcieFunction,
  port,
  processor,
  secureBoot,
  simpleStorage,
  storage,
  system,
  volume,
} from './decide/resources.ts';
import type { MachinePaths } from './find-machine.ts';
import type { RedfishLimits } from './limits.ts';
import { type Budget, isFatal, isWhole, pages, pathOf } from './members.ts';
import { readWatts } from './power-draw.ts';
import type { RedfishService } from './service.ts';

type Source = {
  readonly service: RedfishService;
  readonly machine: MachinePaths;
  readonly limits: RedfishLimits;
  readonly signal: AbortSignal;
};

/**
 * All that the BMC tells of the machine's parts, in a bounded number of requests. What cannot be read is named in
 * `gaps`; a BMC that is gone, or refuses everything, rejects.
 */
export async function readInventory(
  source: Source & { readonly address: string; readonly at: number },
): Promise<Inventory> {
  const { service, machine, signal } = source;
  const reader = readerOf(source);
  const found = await service.read(system, machine.system, signal);
  const managed = machine.manager === undefined ? undefined : await reader.one(manager, machine.manager);
  const secure = found.SecureBoot === undefined ? undefined : await reader.one(secureBoot, found.SecureBoot);
  const managerNics = await reader.all(ethernetInterface, managed?.EthernetInterfaces);
  const processors = await reader.all(processor, found.Processors);
  const memory = await reader.all(memoryModule, found.Memory);
  const { drives, volumes } = await readStorage(reader, found.Storage);
  const simple = drives.length > 0 ? [] : await reader.all(simpleStorage, found.SimpleStorage);
  const interfaces = await reader.all(ethernetInterface, found.EthernetInterfaces);
  const adapters = await readAdapters(reader, { chassis: machine.networkAdapters, system: found.NetworkInterfaces });
  const pci = await readPci(reader, { listed: found.PCIeDevices ?? [], collection: machine.pcieDevices });
  const told = inventoryOf(
    {
      root: service.root,
      system: found,
      chassis: machine.chassis === undefined ? undefined : await reader.one(chassis, machine.chassis),
      manager: managed,
      managerMacs: managerNics.flatMap(({ MACAddress }) => MACAddress ?? []),
      secureBoot: secure?.SecureBootCurrentBoot,
      processors,
      memory,
      drives,
      volumes,
      simple,
      interfaces,
      adapters,
      pci,
    },
    {
      at: source.at,
      address: source.address,
      powerWatts: await readWatts(service, machine, signal),
      gaps: reader.gaps(),
    },
  );
  const checked = read(inventory, told);
  if (!checked.ok) throw new BmcError('malformed', `what it tells of its parts makes no inventory: ${checked.because}`);
  return checked.value;
}

/** The addresses of all its network cards, the lower-case form. */
export async function readMacs(source: Source): Promise<readonly string[]> {
  const { service, machine, signal } = source;
  const reader = readerOf(source);
  const { EthernetInterfaces: own, NetworkInterfaces: cards } = await service.read(system, machine.system, signal);
  const interfaces = await reader.all(ethernetInterface, own);
  const adapters = await readAdapters(reader, { chassis: machine.networkAdapters, system: cards });
  return nicsOf({ interfaces, adapters }).map(({ mac }) => mac);
}

type Reader = {
  one<T>(schema: z.ZodType<T>, path: string): Promise<T | undefined>;
  /** Members of a collection that can be read; none where there is no collection. */
  all<T>(schema: z.ZodType<T>, path: string | undefined): Promise<readonly T[]>;
  note(gap: string): void;
  gaps(): readonly string[];
};

/** A request that is never answered costs a minute; a service that does not answer twice is asked no more. */
const MOST_TIMEOUTS = 2;

function readerOf({ service, limits, signal }: Source): Reader {
  const budget: Budget = { left: limits.requests };
  const gaps: string[] = [];
  let timeouts = 0;
  const { ExpandQuery } = service.root.ProtocolFeaturesSupported ?? {};
  let expands = ExpandQuery?.NoLinks === true && service.learned('expand') !== 'no';

  const gap = (path: string, error: unknown): void => {
    const isTimeout = error instanceof BmcError && error.code === 'timeout';
    if (isFatal(error) || signal.aborted || (isTimeout && ++timeouts >= MOST_TIMEOUTS)) throw error;
    const said = error instanceof Error ? error.message : String(error);
    gaps.push(said.includes(path) ? said : `${path}: ${said}`);
  };

  async function one<T>(schema: z.ZodType<T>, path: string): Promise<T | undefined> {
    if (budget.left <= 0) return outOfBudget(path);
    budget.left--;
    try {
      return await service.read(schema, path, signal);
    } catch (error) {
      gap(path, error);
      return undefined;
    }
  }

  function outOfBudget(path: string): undefined {
    const text = `more than ${limits.requests} requests: not everything was read`;
    if (!gaps.some((known) => known.endsWith(text))) gaps.push(`${path}: ${text}`);
  }

  async function all<T>(schema: z.ZodType<T>, path: string | undefined): Promise<readonly T[]> {
    if (path === undefined) return [];
    const found: T[] = [];
    try {
      for await (const { members } of membersOf(path)) {
        for (const member of members) found.push(...(await memberOf(schema, path, member)));
      }
    } catch (error) {
      gap(path, error);
    }
    return found;
  }

  /** `$expand` answers a collection and its members at once, where the service says that it can (DSP0266 §7.3). */
  async function* membersOf(path: string) {
    const options = { budget, signal, onCut: (why: string) => void gaps.push(`${path}: ${why}`) };
    if (expands) {
      let isBegun = false;
      try {
        for await (const page of pages(service, `${path}?$expand=.($levels=1)`, options)) {
          isBegun = true;
          yield page;
        }
        return;
      } catch (error) {
        if (isFatal(error) || signal.aborted || isBegun) throw error;
        // Says that it can, and cannot.
        expands = false;
        service.learn({ expand: 'no' });
      }
    }
    yield* pages(service, path, options);
  }

  async function memberOf<T>(schema: z.ZodType<T>, collection: string, member: unknown): Promise<readonly T[]> {
    const path = pathOf(member);
    if (isWhole(member)) {
      const result = read(schema, member);
      if (result.ok) return [result.value];
      gap(path ?? collection, new BmcError('malformed', `${path ?? collection}: ${result.because}`));
      return [];
    }
    const value = path === undefined ? undefined : await one(schema, path);
    return value === undefined ? [] : [value];
  }

  return { one, all, note: (text) => void gaps.push(text), gaps: () => gaps };
}

async function readStorage(reader: Reader, path: string | undefined) {
  const drives: z.output<typeof drive>[] = [];
  const volumes: z.output<typeof volume>[] = [];
  const seen = new Set<string>();
  for (const controller of await reader.all(storage, path)) {
    // Drives behind an expander are listed by each controller that reaches them.
    for (const one of controller.Drives.filter((drivePath) => !seen.has(drivePath))) {
      seen.add(one);
      const value = await reader.one(drive, one);
      if (value) drives.push(value);
    }
    volumes.push(...(await reader.all(volume, controller.Volumes)));
  }
  return { drives, volumes };
}

/** The chassis' cards, or where it tells of none those that the system's interfaces lead to. */
async function readAdapters(
  reader: Reader,
  from: { readonly chassis: string | undefined; readonly system: string | undefined },
): Promise<readonly AdapterParts[]> {
  const cards = [...(await reader.all(networkAdapter, from.chassis))];
  for (const { NetworkAdapter, Links } of cards.length > 0 ? [] : await reader.all(networkInterface, from.system)) {
    const path = Links?.NetworkAdapter ?? NetworkAdapter;
    const card = path === undefined ? undefined : await reader.one(networkAdapter, path);
    if (card) cards.push(card);
  }
  const adapters: AdapterParts[] = [];
  for (const adapter of cards) {
    adapters.push({
      adapter,
      functions: await reader.all(networkDeviceFunction, adapter.NetworkDeviceFunctions),
      ports: await reader.all(port, adapter.Ports ?? adapter.NetworkPorts),
    });
  }
  return adapters;
}

/** iDRAC counts each bridge and root port among its PCIe devices, and each is two requests. */
const MOST_CARDS = 48;

async function readPci(
  reader: Reader,
  { listed, collection }: { readonly listed: readonly string[]; readonly collection: string | undefined },
) {
  const devices = [...(await reader.all(pcieDevice, collection))];
  for (const path of devices.length > 0 ? [] : listed.slice(0, MOST_CARDS)) {
    const device = await reader.one(pcieDevice, path);
    if (device) devices.push(device);
  }
  const left = Math.max(listed.length, devices.length) - MOST_CARDS;
  if (left > 0) reader.note(`PCIe: ${left} more devices were not read`);
  const found: {
    readonly device: (typeof devices)[number];
    readonly functions: readonly z.output<typeof pcieFunction>[];
  }[] = [];
  for (const device of devices.slice(0, MOST_CARDS)) {
    const functions = [...(await reader.all(pcieFunction, device.PCIeFunctions))];
    for (const path of functions.length > 0 ? [] : (device.Links?.PCIeFunctions ?? [])) {
      const one = await reader.one(pcieFunction, path);
      if (one) functions.push(one);
    }
    found.push({ device, functions });
  }
  return found;
}
