import type {
  BmcResource,
  DiscoveredBmc,
  MachineBmcResource,
  PowerReading,
} from '#machines/contract/api/bmc-resource.ts';
import type { Inventory } from '#machines/contract/inventory.ts';
import type { BmcEvent } from '#machines/contract/power.ts';
import type { Cidr4 } from '#machines/values/cidr.ts';
import type { Asks } from '#services/bmc/asks.ts';
import type { Bmcs } from '#services/bmc/bmcs.ts';
import type { Consoles } from '#services/bmc/consoles.ts';
import type { CredentialInfo, Credentials } from '#services/bmc/credentials.ts';
import type { LearnedQuirks } from '#services/bmc/decide/quirks.ts';
import type { Operations } from '#services/bmc/operations.ts';
import type { Poller } from '#services/bmc/poller.ts';
import type { Power } from '#services/bmc/power.ts';
import type { Rotations } from '#services/bmc/rotations.ts';
import type { Tried } from '#services/bmc/try-credential.ts';
import type { BmcRecord } from '#services/store/contract.ts';

export type Shown = { readonly sha256: string; readonly subject: string; readonly validTo?: string };
export type Like = { readonly machine: string; readonly by: readonly string[] };

/** Everything about BMCs that operators and jobs ask for. Verbs that ask a BMC reject with a `BmcError`. */
export type BmcService = AsyncDisposable & {
  readonly power: Power;
  readonly operations: Operations;
  readonly asks: Asks;
  readonly consoles: Consoles;
  readonly poller: Poller;
  /** Changes passwords that have become old. */
  readonly rotations: Rotations;
  readonly load: Bmcs['load'];
  /** Asked now, and kept as if it had been polled. */
  read(machine: string, signal: AbortSignal): Promise<PowerReading>;
  list(): Promise<readonly BmcResource[]>;
  /** Nothing where there is no such machine. */
  show(machine: string, signal: AbortSignal): Promise<MachineBmcResource | undefined>;
  /** What certificate it shows, and which is pinned. With `sha256`: pins it, if it is the one that is shown. */
  pin(
    machine: string,
    sha256: string | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly shown: Shown; readonly pinned?: NonNullable<BmcRecord['pin']>; readonly changed: boolean }>;
  identify(machine: string, seconds: number, signal: AbortSignal): Promise<void>;
  /** Read, kept, and joined to the machine. */
  inventory(machine: string, signal: AbortSignal): Promise<Inventory>;
  events(machine: string, signal: AbortSignal): Promise<readonly BmcEvent[]>;
  /** Whose BMC it is must be proven again: the machine's hardware is another. */
  doubt(machine: string): Promise<void>;
  rotate(machine: string, signal: AbortSignal): Promise<{ readonly address: string; readonly username: string }>;
  quirks(): readonly LearnedQuirks[];
  /** What was found elsewhere: where BMCs of that model here start from. Gives how many were kept. */
  importQuirks(quirks: readonly LearnedQuirks[]): Promise<number>;
  discover(
    cidr: Cidr4,
    ports: readonly number[] | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly asked: number; readonly items: readonly DiscoveredBmc[] }>;
  /** One credential at BMCs of one rack; the guard against lockouts stands before each. */
  attempt(
    what: {
      readonly credential: string;
      readonly rack: string | undefined;
      readonly bmcs: readonly {
        readonly address: string;
        readonly type: 'redfish' | 'ipmi';
        readonly sha256?: string;
      }[];
    },
    signal: AbortSignal,
  ): Promise<readonly (Tried & { readonly like?: readonly Like[] })[]>;
  credentials: {
    list(): Promise<readonly (CredentialInfo & { readonly usedBy: readonly string[]; readonly shared: boolean })[]>;
    set: Credentials['set'];
    apply: Credentials['apply'];
    remove(name: string): Promise<boolean>;
  };
};
