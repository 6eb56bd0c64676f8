import type { MacAddress } from '../values/mac-address.ts';
import type { Uuid } from '../values/uuid.ts';
import type { MachineDocument } from './documents.ts';

/** Something observed: never what an operator wants. Times are milliseconds since the epoch. */
export type Fact = { readonly value: string | number | boolean; readonly at: number; readonly source: FactSource };
export type FactSource = 'dhcp' | 'ipxe' | 'http' | 'agent' | 'bmc' | 'operator' | 'import';

/**
 * Fact names used so far: `firmware` (bios | uefi | u-boot | raspberry-pi), `arch` (see values/architecture),
 * `manufacturer`, `product`, `asset`, `hostname`, `vendor-class`, `nic.busid`, `secure-boot`, `gpu.count`,
 * `identity.conflict` (made by the registry: which machines this could be, and why).
 */
export type Facts = Readonly<Record<string, Fact>>;

/**
 * `seen`: it asked for something and nobody has said anything about it. `accepted`: an operator added or applied it,
 * or accepted it after it was seen. `rejected`: an operator wants nothing to do with it; it stays rejected until a
 * person accepts it by name.
 */
export type Acceptance = 'seen' | 'accepted' | 'rejected';

/** Where an installed OS came from decides nothing by itself: an adopted machine is never netbooted. */
export type Service = 'none' | 'adopted' | 'maintenance' | 'retired';

/** One machine as the daemon knows it: intent (the document), facts, and what an operator set by hand. */
export type Machine = {
  /** Intent. For a machine only seen, made from its first MAC: name `m-525400000001`. */
  readonly document: MachineDocument;
  readonly acceptance: Acceptance;
  readonly service: Service;
  readonly locked: boolean;
  /** Observed identifiers besides those in the document. */
  readonly identifiers: {
    readonly macs: readonly MacAddress[];
    readonly uuids: readonly Uuid[];
    readonly serials: readonly string[];
  };
  readonly facts: Facts;
  readonly firstSeen?: number;
  readonly lastSeen?: number;
  /** What applied it last, so that `--prune` removes only what came from the same path. */
  readonly appliedFrom?: string;
  /** Counts up with every change of intent; the API's ETag. */
  readonly rev: number;
};

/** The permission to netboot one thing once. */
export type Grant = {
  readonly id: string;
  readonly machine: string;
  readonly profile: string;
  readonly createdAt: number;
  /** Who asked for it: an operator's name, or `job:<id>`. */
  readonly by: string;
  /** The attempt that began to use it. */
  readonly attempt?: string;
  /** When it was spent: kernel and last initrd sent whole, or the script if they are not ours to serve. */
  readonly spentAt?: number;
};
