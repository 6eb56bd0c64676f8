import type { Logger } from 'pino';
import type { Inventory } from '#machines/contract/inventory.ts';
import type { Job } from '#machines/contract/job.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { LiveAgents } from '#services/agents/live-agents.ts';
import type { BootTokens } from '#services/boot-tokens/boot-tokens.ts';
import type { Holding } from '#services/boot-tokens/decide/boot-key.ts';
import type { Blob } from '#services/images/contract.ts';
import type { SharedChunks } from '#services/images/shared-chunks.ts';
import type { Authority } from '#services/pki/authority.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { AuditEntry } from '#services/store/contract.ts';
import type { Recorder } from '#services/trace/contract.ts';
import type { RequestCounts } from '../http/request-counts.ts';

/** What the part of the machine plane stands on that agents call. */
export type AgentPlaneParts = {
  readonly tokens: Pick<BootTokens, 'present' | 'session'>;
  readonly authority: Pick<Authority, 'ca' | 'planeCertificate' | 'signAgentCsr'>;
  readonly registry: Pick<Registry, 'machineByMac' | 'observe' | 'inspected'>;
  readonly agents: Pick<LiveAgents, 'registered' | 'heard' | 'left' | 'of'>;
  readonly recorder: Pick<Recorder, 'record'>;
  /** Who has an address, by what we lease and hear. */
  readonly holding: (address: IpAddress) => Holding;
  readonly keepInventory: (machine: string, inventory: Inventory) => Promise<void>;
  /** What the machine would boot now, in a new attempt, from that address. */
  readonly nextBoot: (machine: Machine, address: IpAddress) => BootPlan;
  readonly jobsOf: (machine: string) => readonly Job[];
  /** The disk image that a job of this machine writes now, by its digest. */
  readonly imageOf: (machine: string, sha256: string) => Promise<Blob | undefined>;
  readonly audit: (entry: Omit<AuditEntry, 'at'>) => void;
  readonly chunks: SharedChunks;
  readonly counts?: Pick<RequestCounts, 'count'>;
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
  readonly now: () => number;
};
