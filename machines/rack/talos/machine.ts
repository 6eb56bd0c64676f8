import { randomBytes } from 'node:crypto';
import type { Disks } from '#machines/agent/disks/disk.ts';
import { type Events, openEvents } from '#machines/agent/events.ts';
import { type Journal, openJournal } from '#machines/agent/journal.ts';
import { openResources, type Resources } from '#machines/agent/resources.ts';
import type { TalosDocument } from '#machines/os/talos/documents.ts';
import type { MachineApiDefinition } from '#services/machine-api/definition.ts';
import type { Inventory } from '../../contract/inventory.ts';
import type { Ipv4 } from '../../values/ip-address.ts';
import type { MachineSpec } from '../spec.ts';
import type { Domain, TalosDomains } from './clusters.ts';
import type { NodeConfig } from './config.ts';
import type { TalosFaults } from './decide/faults.ts';
import type { Slot } from './decide/installed.ts';
import { readTalosLine, type TalosLine } from './decide/kernel-line.ts';
import type { Release } from './decide/release.ts';
import type { Etcd } from './etcd.ts';
import { openServices, type Services } from './services.ts';
import type { SystemDisk } from './system-disk.ts';

/** How long what takes a real machine minutes takes here; milliseconds. */
export type TalosTimes = {
  /** Each task of a sequence. */
  readonly taskMs: number;
  /** Pulling an installer's image, and what it then does. */
  readonly installMs: number;
  /** Before the second try to fetch a configuration; twice as long each time, up to the limit. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
};
export const TALOS_TIMES: TalosTimes = { taskMs: 10, installMs: 800, retryMs: 1000, maxRetryMs: 15_000 };

/** One power-on of a simulated Talos, from the first line of its kernel on. */
export type TalosBoot = {
  readonly spec: MachineSpec;
  readonly address: Ipv4;
  /** Of the machine API; 50000 on a machine, any in a test. */
  readonly port: number;
  readonly commandLine: string;
  readonly release: Release;
  /** The entry of the loader; undefined from the network. */
  readonly slot?: Slot;
  readonly disks: Disks;
  readonly readInventory: () => Promise<Inventory>;
  readonly diskNames: readonly string[];
  readonly domains: TalosDomains;
  readonly definition: MachineApiDefinition;
  readonly times: TalosTimes;
  readonly faults: TalosFaults;
  /** What a person would read on its screen. */
  readonly print: (line: string) => void;
  /** Told the port whenever the machine API begins to listen. */
  readonly onListening?: (port: number) => void;
};

export type Stage =
  | 'unknown'
  | 'booting'
  | 'installing'
  | 'maintenance'
  | 'running'
  | 'rebooting'
  | 'shuttingDown'
  | 'resetting'
  | 'upgrading';

/** What all parts of the machine see and change: kept in memory, and gone with its power. */
export type Machine = {
  readonly boot: TalosBoot;
  readonly line: TalosLine;
  readonly events: Events;
  readonly kernel: Journal<string>;
  readonly resources: Resources;
  readonly services: Services;
  readonly now: () => number;
  readonly bootedAtMs: number;
  readonly bootId: string;
  inventory: Inventory;
  system: SystemDisk | undefined;
  documents: readonly TalosDocument[];
  config: NodeConfig | undefined;
  domain: Domain | undefined;
  stage: Stage;
  unattended: { readonly phase: string; readonly image: string; readonly error: string } | undefined;
  /** Values by tags where there is no META yet. */
  meta: Readonly<Record<string, string>>;
  etcd: Etcd | undefined;
  /** Brings the resources up to date. */
  readonly refresh: () => void;
  /** A line of the kernel's log, and of the screen. */
  readonly say: (text: string) => void;
};

/** Types beside the agent's, of which the rack's nodes send no protobuf. */
const PLAIN: readonly (readonly [namespace: string, type: string])[] = [
  ['runtime', 'SystemDisks.block.talos.dev'],
  ['runtime', 'DiscoveredVolumes.block.talos.dev'],
  ['runtime', 'VolumeStatuses.block.talos.dev'],
  ['runtime', 'MetaKeys.runtime.talos.dev'],
  ['runtime', 'ExtensionStatuses.runtime.talos.dev'],
  ['runtime', 'ImageFactorySchematics.runtime.talos.dev'],
  ['runtime', 'UnattendedInstallStatuses.runtime.talos.dev'],
  ['runtime', 'PlatformMetadatas.runtime.talos.dev'],
  ['runtime', 'BootIDs.runtime.talos.dev'],
  ['runtime', 'Services.v1alpha1.talos.dev'],
  ['network', 'NodeAddresses.net.talos.dev'],
  ['config', 'MachineTypes.config.talos.dev'],
  ['cluster', 'Members.cluster.talos.dev'],
];
export const PLAIN_TYPES = PLAIN.map(([namespace, type]) => ({ namespace, type }));

export async function openMachine(boot: TalosBoot, refresh: (machine: Machine) => void): Promise<Machine> {
  const now = Date.now;
  const events = openEvents({ definition: boot.definition, host: { now, randomBytes } });
  const kernel = openJournal<string>(4096);
  const machine: Machine = {
    boot,
    line: readTalosLine(boot.commandLine),
    events,
    kernel,
    resources: openResources({ definition: boot.definition, now, plain: PLAIN_TYPES }),
    services: openServices({ events, now, onChange: () => machine.refresh() }),
    now,
    bootedAtMs: now(),
    bootId: randomBytes(16).toString('hex'),
    inventory: await boot.readInventory(),
    system: undefined,
    documents: [],
    config: undefined,
    domain: undefined,
    stage: 'unknown',
    unattended: undefined,
    meta: {},
    etcd: undefined,
    refresh: () => refresh(machine),
    say(text) {
      kernel.push(`6,${kernel.end()},${Math.round((now() - machine.bootedAtMs) * 1000)},-;[talos] ${text}`);
      boot.print(`[talos] ${text}`);
    },
  };
  kernel.push(`6,0,0,-;Command line: ${boot.commandLine}`);
  return machine;
}

/** As the machine calls itself: as told, else by its identity, the same after every boot. */
export const hostnameOf = ({ config, boot }: Machine): string =>
  config?.hostname ?? `talos-${boot.spec.uuid.slice(-6, -3)}-${boot.spec.uuid.slice(-3)}`;
