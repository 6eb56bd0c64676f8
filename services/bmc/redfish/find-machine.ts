import { BmcError } from '../contract.ts';
import {
  actionInfo,
  type Chassis,
  chassis,
  manager,
  type ResetAction,
  type System,
  system,
} from './decide/resources.ts';
import { collectionPaths, isFatal } from './members.ts';
import type { RedfishService } from './service.ts';

/** Where the parts of one machine are in its BMC's tree. Paths are the service's own: no two makers have the same. */
export type MachinePaths = {
  readonly system: string;
  readonly chassis?: string;
  readonly manager?: string;
  /** Where power is asked for, and which ResetTypes are allowed; nothing where the system has no Reset action. */
  readonly reset?: { readonly target: string; readonly allowed?: readonly string[] };
  readonly canBoot: boolean;
  /** Whose light it is: the system's own, or its chassis'. */
  readonly light?: string;
  /** Where it tells what it draws: EnvironmentMetrics, or Power as it was before Chassis v1.15. */
  readonly draw: { readonly environment?: string; readonly power?: string };
  readonly networkAdapters?: string;
  readonly pcieDevices?: string;
  /** The collection of its logs: the system's, or else its manager's. */
  readonly logs?: string;
};

/** `wanted` is the id of a system where the BMC holds several: none is guessed (rejects with `refused`). */
export async function findMachine(
  service: RedfishService,
  options: { readonly wanted: string | undefined; readonly requests: number; readonly signal: AbortSignal },
): Promise<MachinePaths> {
  const { signal } = options;
  const path = await systemPath(service, options);
  const found = await service.read(system, path, signal);
  const chassisPath = found.Links?.Chassis[0];
  const managerPath = found.Links?.ManagedBy[0] ?? (await firstManager(service, options));
  const reset = found.Actions?.['#ComputerSystem.Reset'];
  const allowed = reset && (await allowedResets(service, reset, signal));
  const box = chassisPath === undefined ? undefined : await chassisOrNot(service, chassisPath, signal);
  const light = hasLight(found) ? path : box && hasLight(box) ? chassisPath : undefined;
  const logs = found.LogServices ?? (managerPath && (await service.read(manager, managerPath, signal)).LogServices);
  return {
    system: path,
    ...(chassisPath === undefined ? {} : { chassis: chassisPath }),
    ...(managerPath === undefined ? {} : { manager: managerPath }),
    ...(reset?.target === undefined ? {} : { reset: { target: reset.target, ...(allowed ? { allowed } : {}) } }),
    canBoot: found.Boot !== undefined || found['@Redfish.Settings']?.SettingsObject !== undefined,
    ...(light === undefined ? {} : { light }),
    draw: {
      ...(box?.EnvironmentMetrics === undefined ? {} : { environment: box.EnvironmentMetrics }),
      ...(box?.Power === undefined ? {} : { power: box.Power }),
    },
    ...(box?.NetworkAdapters === undefined ? {} : { networkAdapters: box.NetworkAdapters }),
    ...(box?.PCIeDevices === undefined ? {} : { pcieDevices: box.PCIeDevices }),
    ...(logs === undefined ? {} : { logs }),
  };
}

async function systemPath(
  service: RedfishService,
  {
    wanted,
    requests,
    signal,
  }: { readonly wanted: string | undefined; readonly requests: number; readonly signal: AbortSignal },
): Promise<string> {
  const { Systems } = service.root;
  if (Systems === undefined)
    throw new BmcError('not-supported', 'the service has no systems: it is no BMC of a machine');
  const paths = await collectionPaths(service, Systems, { requests, signal });
  const ids = paths.map(idIn);
  const [only, ...others] = paths;
  if (wanted !== undefined) {
    const found = paths.find((path) => idIn(path) === wanted);
    if (found !== undefined) return found;
    throw new BmcError('refused', `no system ${JSON.stringify(wanted)}: it has ${ids.join(', ') || 'none'}`);
  }
  if (only === undefined) throw new BmcError('not-supported', 'the BMC tells of no system');
  if (others.length > 0) throw new BmcError('refused', `it has several systems, name one of them: ${ids.join(', ')}`);
  return only;
}

const idIn = (path: string): string => decodeURIComponentOr(path.replace(/\/+$/, '').split('/').at(-1) ?? '');

function decodeURIComponentOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Huawei's systems do not say who manages them. */
async function firstManager(
  service: RedfishService,
  options: { readonly requests: number; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const { Managers } = service.root;
  return Managers === undefined ? undefined : (await collectionPaths(service, Managers, options))[0];
}

/** Inline, or in the ActionInfo (OpenBMC). Undefined where it is told nowhere, or what is told cannot be read. */
async function allowedResets(
  service: RedfishService,
  reset: NonNullable<ResetAction>,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const inline = reset['ResetType@Redfish.AllowableValues'];
  const infoPath = reset['@Redfish.ActionInfo'];
  if (inline || infoPath === undefined) return inline;
  try {
    const { Parameters } = await service.read(actionInfo, infoPath, signal);
    return Parameters.find(({ Name }) => Name === 'ResetType')?.AllowableValues;
  } catch (error) {
    if (error instanceof BmcError && (error.code === 'not-supported' || error.code === 'malformed')) return undefined;
    throw error;
  }
}

/** A chassis that cannot be read costs its light and its power draw, not the machine. */
async function chassisOrNot(service: RedfishService, path: string, signal: AbortSignal): Promise<Chassis | undefined> {
  try {
    return await service.read(chassis, path, signal);
  } catch (error) {
    if (isFatal(error)) throw error;
    return undefined;
  }
}

/** A light that is there; null or an unknown word means that its state is not known. */
const hasLight = (resource: Pick<System, 'LocationIndicatorActive' | 'IndicatorLED'>): boolean =>
  resource.LocationIndicatorActive !== undefined || resource.IndicatorLED !== undefined;
