import type {
  ClassDocument,
  ClusterDocument,
  Document,
  DocumentKind,
  ImageDocument,
  MachineDocument,
  NetworkDocument,
  ProfileDocument,
  SubnetDocument,
} from '#machines/contract/documents.ts';
import type { FactSource, Grant, Machine } from '#machines/contract/machine.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import type { Uuid } from '#machines/values/uuid.ts';
import type { Inspection } from '#machines/decide/inspection.ts';
import type { SettingAction } from '#machines/decide/actions.ts';
import type { Conflict, StoredDocument } from '#services/store/contract.ts';

/**
 * Everything the daemon knows of machines and documents, in memory and answered at once: a DHCP packet cannot wait for
 * a database. The store is behind it; a change is in memory only after the store has it, sightings excepted, which
 * are written in batches.
 */
export type Registry = {
  machineByMac(mac: MacAddress): Machine | undefined;
  /** By UUID (either byte order) or serial: only where exactly one machine has it and it is no placeholder. */
  machineByIdentifier(identifier: { readonly uuid?: Uuid; readonly serial?: string }): Machine | undefined;
  machine(name: string): Machine | undefined;
  machines(): readonly Machine[];
  profile(name: string): ProfileDocument | undefined;
  /** Highest priority first, then by name. */
  classes(): readonly ClassDocument[];
  image(name: string): ImageDocument | undefined;
  network(name: string): NetworkDocument | undefined;
  cluster(name: string): ClusterDocument | undefined;
  /** The cluster that a machine is of: there is one at most. */
  clusterOf(machine: string): ClusterDocument | undefined;
  subnets(): readonly SubnetDocument[];
  documents(kind: DocumentKind): readonly StoredDocument[];
  /** The machine that has this address reserved. */
  machineByReservation(address: IpAddress): Machine | undefined;

  /**
   * A netboot client or a registered MAC showed itself. Gives the machine it belongs to; makes one (`seen`) if it is
   * new, unless 1,000 unaccepted ones are known already. Never throws, never waits.
   */
  observe(sighting: Sighting): Machine | undefined;

  /** Facts of a known machine from elsewhere than its packets, such as its BMC: nothing was seen of the machine itself. */
  note(name: string, facts: Sighting['facts'], source: FactSource, at: number): void;

  /**
   * An agent has looked at a known machine. Its cards join the identifiers unless they are another's; UUID and serial
   * only where nothing contradicts. Gives what a person must look at, which stays a fact until a later look fits.
   */
  inspected(name: string, shown: Inspection, facts: Sighting['facts'], at: number): readonly string[];

  /** The grant under which this machine may boot now, in this attempt: unspent, or spent by it within 15 minutes. */
  grantFor(machine: string, attempt: string | undefined, now: number): Grant | undefined;
  /** `isPlanned`: it is a job’s, and its confirmed plan names that profile, which therefore may write. */
  grant(request: {
    readonly machine: string;
    readonly profile: string;
    readonly by: string;
    readonly isPlanned?: boolean;
  }): Promise<Outcome<Grant>>;
  useGrant(id: string, attempt: string): void;
  spendGrant(id: string, attempt: string): Promise<void>;
  /** Every grant of every machine ends, also for the attempt that was using it (safety rule 6). Gives the number of unspent ones. */
  voidGrants(): Promise<number>;
  /** Takes other subnets of the configuration file; rejects, and changes nothing, where one of the API is in their way. */
  configure(subnets: readonly SubnetDocument[]): Promise<void>;

  /** Creates or replaces one document. `expected`: the rev the caller saw; absent: whatever is there. */
  put(
    document: Document,
    by: Change,
  ): Promise<Outcome<{ readonly rev: number; readonly change: 'created' | 'changed' | 'unchanged' }>>;
  remove(kind: DocumentKind, name: string, by: Change): Promise<Outcome<void>>;
  /** accept, reject, adopt, lock, unlock, maintenance on and off, retire: by the table in machines/decide/actions.ts. */
  act(name: string, action: SettingAction, by: Change): Promise<Outcome<Machine>>;

  /**
   * Other hardware takes a machine's place: its document becomes `document`, its identifiers and facts those of `by`, whose
   * record ends. Grants of both end. `seen`: the revs that this was decided on.
   */
  replace(
    name: string,
    by: string,
    document: MachineDocument,
    seen: { readonly rev: number; readonly byRev: number },
  ): Promise<Outcome<Machine>>;

  /** Called after each change, in order. Ends with the returned function. */
  watch(listener: (change: RegistryChange) => void): () => void;
};

export type Sighting = {
  readonly mac: MacAddress;
  readonly uuid?: Uuid;
  readonly serial?: string;
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  readonly source: FactSource;
  readonly at: number;
};

export type Change = {
  readonly who: string;
  readonly expected?: number;
  /** The file or directory that `apply` read, for prune. */
  readonly appliedFrom?: string;
};

export type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | Conflict
  | { readonly kind: 'not-found'; readonly what: string }
  /** Safety, state or rights: exit status 5. */
  | { readonly kind: 'refused'; readonly because: string; readonly next: string }
  /** The document refers to something wrong. `path` such as `profile`. */
  | { readonly kind: 'invalid'; readonly path: string; readonly because: string };

export type RegistryChange =
  | { readonly kind: 'machine'; readonly name: string; readonly machine: Machine | undefined }
  | {
      readonly kind: 'document';
      readonly documentKind: DocumentKind;
      readonly name: string;
      readonly document: Document | undefined;
    }
  | { readonly kind: 'grant'; readonly grant: Grant };
