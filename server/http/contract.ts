import type { Logger } from 'pino';
import type { Machine } from '#machines/contract/machine.ts';
import type { BootPlan, Discovery } from '#machines/decide/boot-plan.ts';
import type { LogReceivers } from '#machines/decide/boot-script-values.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { ImageLibrary, LoaderCatalog } from '#services/images/contract.ts';
import type { SharedChunks } from '#services/images/shared-chunks.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { Templates } from '#services/templates/templates.ts';
import type { Recorder } from '#services/trace/contract.ts';
import type { RequestCounts } from './request-counts.ts';
import type { AgentDelivery } from './agent-delivery.ts';
import type { ConfigTokens } from './config-tokens.ts';

/** What a machine should boot now. The same function answers DHCP and `explain`. */
export type BootPlanner = (question: {
  readonly machine: Machine | undefined;
  /** The attempt in progress: its own grant still holds for it. */
  readonly attempt: string | undefined;
  readonly discovery: Discovery;
}) => BootPlan;

/** What is configured for the network that a client is on. */
export type NetworkLookup = (client: IpAddress) => {
  readonly discovery: Discovery;
  /** Base URL of the boot plane for these clients; absent: the address that they asked, with the boot plane's port. */
  readonly advertise: string | undefined;
};

export type BootPlaneParts = {
  readonly registry: Pick<Registry, 'machine' | 'machineByMac' | 'observe' | 'useGrant' | 'spendGrant'>;
  readonly planner: BootPlanner;
  readonly recorder: Pick<Recorder, 'record' | 'live' | 'attempt' | 'macOf'>;
  readonly loaders: LoaderCatalog;
  readonly images: ImageLibrary;
  readonly templates: Templates;
  readonly networkOf: NetworkLookup;
  /** Log receivers that boot lines may name. */
  readonly receivers: LogReceivers;
  /** Absent: there is no agent to boot. */
  readonly agent?: AgentDelivery;
  /** Absent: scripts cannot name a configuration. */
  readonly configTokens?: ConfigTokens;
  readonly chunks: SharedChunks;
  readonly counts?: Pick<RequestCounts, 'count'>;
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
  readonly now: () => number;
};

export type BootPlaneLimits = {
  readonly connections: number;
  /** A whole rack may stand behind one address (NAT, a relay in software). */
  readonly connectionsPerPeer: number;
  readonly headerBytes: number;
  /** From the first byte of a request to its last. */
  readonly requestMs: number;
  /** A connection on which nothing moves, in either direction, for so long is closed. */
  readonly idleMs: number;
  readonly keepAliveMs: number;
};

export const BOOT_PLANE_LIMITS: BootPlaneLimits = {
  connections: 4096,
  connectionsPerPeer: 1024,
  headerBytes: 16 << 10,
  requestMs: 10_000,
  idleMs: 60_000,
  keepAliveMs: 5000,
};
