import type { Approval } from '#machines/contract/approval.ts';
import type { Document, DocumentKind } from '#machines/contract/documents.ts';
import type { Inventory } from '#machines/contract/inventory.ts';
import type { Job, JobEvent } from '#machines/contract/job.ts';
import type { Grant, Machine } from '#machines/contract/machine.ts';
import type { BmcIdentity, BmcType } from '#machines/contract/power.ts';
import type { Attempt, TraceEvent } from '#machines/contract/trace.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';

/**
 * What the daemon keeps. Verbs of the domain, never a query builder, so that SQLite (embedded) and PostgreSQL (several
 * daemons on one database) are equal behind it; test/services/store/conformance.ts holds both to it.
 *
 * A promise that resolves means the change is durable: it survives `kill -9` and power loss. Times are milliseconds
 * since the epoch. Foreseen outcomes are values; a rejected promise means that the store itself is broken (`StoreError`).
 *
 * Text that clients claim comes back as it was, but NUL and halves of surrogate pairs may come back as U+FFFD.
 */
export interface Store extends AsyncDisposable {
  readonly leases: LeaseStore;
  readonly machines: MachineStore;
  readonly documents: DocumentStore;
  readonly grants: GrantStore;
  readonly traces: TraceStore;
  readonly access: AccessStore;
  readonly users: UserStore;
  readonly audit: AuditStore;
  readonly inventories: InventoryStore;
  readonly bmcs: BmcStore;
  readonly secrets: SecretStore;
  readonly jobs: JobStore;
  readonly approvals: ApprovalStore;
  readonly answers: AnswerStore;
  readonly deliveries: DeliveryStore;
}

export type Lease = {
  readonly site: string;
  /** The subnet's prefix as text, such as `192.168.77.0/24`. */
  readonly subnet: string;
  readonly address: IpAddress;
  /** Who holds it: the MAC address, or the client identifier in hex of a client without one. */
  readonly key: string;
  readonly mac?: MacAddress;
  readonly hostname?: string;
  readonly state: 'bound' | 'released' | 'declined';
  readonly boundAt: number;
  readonly expiresAt: number;
};

export interface LeaseStore {
  /** All of them, also expired and released ones: who held an address last gets it back. */
  all(): Promise<readonly Lease[]>;
  /**
   * Binds or renews. The address is taken by an insert that a unique index may refuse: `taken` names the holder, when
   * another key holds it unexpired (at `lease.boundAt`) or it is declined until later. A key has one lease a subnet:
   * an earlier one at another address is released in the same transaction.
   */
  bind(lease: Lease): Promise<{ readonly kind: 'bound' } | { readonly kind: 'taken'; readonly by: string }>;
  /** Only by its holder; the owner is remembered. Tells whether there was such a lease. */
  release(site: string, address: IpAddress, key: string, at: number): Promise<boolean>;
  /** The address is in use by something unknown: nobody gets it until then. */
  decline(lease: Lease): Promise<void>;
  /** Frees an address that an operator names. */
  forget(site: string, address: IpAddress): Promise<boolean>;
}

/** An edit refused because someone else's came first, or because a name or MAC is another's. */
export type Conflict =
  | { readonly kind: 'stale'; readonly rev: number }
  | { readonly kind: 'exists'; readonly what: string; readonly holder: string };
export type Stored<T> = { readonly kind: 'stored'; readonly value: T } | Conflict;

export interface MachineStore {
  all(): Promise<readonly Machine[]>;
  /**
   * Creates (`expected` 0) or replaces the record whose `rev` is `expected`, and counts `rev` up. Unique: the name, and
   * each MAC in the document per site. `previousName` renames.
   */
  put(machine: Machine, expected: number, previousName?: string): Promise<Stored<Machine>>;
  /** Facts, identifiers and times of sight only; intent and `rev` stay. Unknown names are ignored. */
  observe(machine: Machine): Promise<void>;
  remove(name: string, expected?: number): Promise<boolean | Conflict>;
}

export type StoredDocument<D extends Document = Document> = {
  readonly document: D;
  readonly rev: number;
  readonly appliedFrom?: string;
};

/** Profiles, classes, subnets, images and networks; machines have a store of their own. */
export interface DocumentStore {
  all(): Promise<readonly StoredDocument[]>;
  put(entry: Omit<StoredDocument, 'rev'>, expected: number): Promise<Stored<StoredDocument>>;
  remove(kind: DocumentKind, name: string, expected?: number): Promise<boolean | Conflict>;
}

export interface GrantStore {
  /** Unspent ones, and those spent after `since`. */
  recent(since: number): Promise<readonly Grant[]>;
  put(grant: Grant): Promise<void>;
  /** Voids every unspent grant, also for the attempt that was using it: after a restore, a clone or a clock jump (safety rule 6). Gives their number. */
  voidAll(at: number): Promise<number>;
}

export type TraceBatch = {
  /** The newest state of attempts that changed. */
  readonly attempts: readonly Attempt[];
  readonly events: readonly { readonly attempt: string; readonly event: TraceEvent }[];
  readonly packets?: readonly TracedPacket[];
};

/** A UDP datagram of an attempt; `number` counts within it, from 1. */
export type TracedPacket = {
  readonly attempt: string;
  readonly number: number;
  readonly at: number;
  readonly source: { readonly address: IpAddress; readonly port: number };
  readonly destination: { readonly address: IpAddress; readonly port: number };
  readonly payload: Uint8Array;
};

export interface TraceStore {
  append(batch: TraceBatch): Promise<void>;
  /**
   * Newest first, of one millisecond by id. `before` and `beforeId` are `startedAt` and id of the last one seen; with
   * `oldestFirst` those that came after it follow.
   */
  attempts(query: {
    readonly machine?: string;
    readonly mac?: MacAddress;
    readonly before?: number;
    readonly beforeId?: string;
    readonly oldestFirst?: boolean;
    readonly limit: number;
  }): Promise<readonly Attempt[]>;
  attempt(id: string): Promise<Attempt | undefined>;
  events(attempt: string, after: number, limit: number): Promise<readonly TraceEvent[]>;
  /** In order. */
  packets(attempt: string): Promise<readonly TracedPacket[]>;
  /** Removes attempts that ended before then, and the oldest ones over the number kept. Gives the number removed. */
  prune(keep: { readonly after: number; readonly attempts: number }): Promise<number>;
}

export type Role = 'viewer' | 'operator' | 'approver' | 'admin';

/** A way in: only its hash is kept. */
export type AccessKey = {
  readonly id: string;
  readonly kind: 'token' | 'session' | 'code';
  /** SHA-256 of the secret, hex. Secrets are 256 random bits, so a fast hash is enough. */
  readonly hash: string;
  readonly name: string;
  readonly role: Role;
  /** Whose it is; it ends with them. */
  readonly user?: string;
  /** The id of the key that it was made with: it ends with that one. */
  readonly parent?: string;
  /** The client certificate that it was made with (SHA-256 of DER, hex): it ends when that is its user's no more. */
  readonly certificate?: string;
  /** Nothing that is made with it lasts longer: what it was made with ends then. */
  readonly endsAt?: number;
  /** A selector over labels: machines that do not have them are not there for this key. */
  readonly scope?: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
};

export interface AccessStore {
  byHash(hash: string): Promise<AccessKey | undefined>;
  get(id: string): Promise<AccessKey | undefined>;
  list(): Promise<readonly AccessKey[]>;
  /** Not done, and `false`, where its parent is there no more. */
  put(key: AccessKey): Promise<boolean>;
  /** Removes and gives it, at most once: how a one-time code is used up. */
  take(hash: string): Promise<AccessKey | undefined>;
  /** With everything that was made with it, at once. Gives the ids of all that are gone. */
  remove(id: string): Promise<readonly string[]>;
}

/** Someone who may come in. */
export type User = {
  readonly name: string;
  readonly role: Role;
  readonly scope?: string;
  readonly disabled: boolean;
  /** argon2id, PHC form; absent: no password opens. */
  readonly passwordHash?: string;
  /** SHA-256 of client certificates (DER), hex. */
  readonly certificates: readonly string[];
  readonly source: 'local' | 'oidc';
  /** oidc: `ISSUER#SUB`, which never changes and is nobody else's (OpenID Connect Core 1.0 §8). */
  readonly subject?: string;
  readonly createdAt: number;
  readonly passwordChangedAt?: number;
  readonly lastLoginAt?: number;
};

export interface UserStore {
  get(name: string): Promise<User | undefined>;
  /** By name. */
  list(): Promise<readonly User[]>;
  /** Creates or replaces. */
  put(user: User): Promise<void>;
  remove(name: string): Promise<boolean>;
}

export type AuditEntry = {
  readonly at: number;
  readonly who: string;
  readonly action: string;
  readonly target: string;
  readonly detail: string;
};

/** An entry as it lies there: numbered, and bound to the one before by its hash (services/store/audit-chain.ts). */
export type ChainedEntry = AuditEntry & {
  readonly seq: number;
  /** SHA-256, hex; of the entry before, and of this one. */
  readonly previous: string;
  readonly hash: string;
};

export interface AuditStore {
  append(entry: AuditEntry): Promise<void>;
  /** Newest first; `before` is the number of the last one seen. */
  list(limit: number, before?: number): Promise<readonly ChainedEntry[]>;
  /** Oldest first. */
  after(seq: number, limit: number): Promise<readonly ChainedEntry[]>;
}

export interface InventoryStore {
  /** Adds one. A machine keeps its newest `KEPT_INVENTORIES` of each source. */
  put(machine: string, inventory: Inventory): Promise<void>;
  /** The newest of each source. */
  latest(machine: string): Promise<readonly Inventory[]>;
  /** Newest first, both sources. */
  history(machine: string, limit: number): Promise<readonly Inventory[]>;
  /** To another name: the machine was renamed, or its board replaced. */
  move(from: string, to: string): Promise<void>;
  remove(machine: string): Promise<void>;
}
export const KEPT_INVENTORIES = 20;

/** What the daemon knows of a BMC, by its address as the machine's document writes it. */
export type BmcRecord = {
  readonly address: string;
  readonly type: BmcType;
  /** The certificate of the first visit, SHA-256 in hex. Another one is refused until a person says otherwise. */
  readonly pin?: { readonly sha256: string; readonly subject: string; readonly at: number };
  /** What worked for it: the driver's own words. */
  readonly learned: Readonly<Record<string, string>>;
  /** The machine it was proven to belong to, and by what: `serial S4X1`, `UUID …`. Void when address or certificate changes. */
  readonly proven?: { readonly machine: string; readonly by: string; readonly at: number };
  readonly identity?: BmcIdentity;
  /** The credential that worked last. */
  readonly credential?: string;
  readonly discoveredAt?: number;
  readonly seenAt?: number;
};

export interface BmcStore {
  all(): Promise<readonly BmcRecord[]>;
  /** Creates or replaces. */
  put(record: BmcRecord): Promise<void>;
  remove(address: string): Promise<boolean>;
}

/** Sealed text by name, such as `credential/rack1`: what it says is known to services/vault alone. */
export interface SecretStore {
  get(name: string): Promise<string | undefined>;
  names(): Promise<readonly string[]>;
  put(name: string, sealed: string): Promise<void>;
  remove(name: string): Promise<boolean>;
}

export interface JobStore {
  /** Creates (`expected` 0) or replaces the one whose `rev` is `expected`, and counts `rev` up; its events with it. */
  put(job: Job, expected: number, events?: readonly JobEvent[]): Promise<Stored<Job>>;
  get(id: string): Promise<Job | undefined>;
  /** Queued and running ones, oldest first. */
  unfinished(): Promise<readonly Job[]>;
  /** As attempts are listed; by `createdAt`. `batch`: only its jobs, however long ago that was. */
  list(query: {
    readonly machine?: string;
    readonly batch?: string;
    readonly before?: number;
    readonly beforeId?: string;
    readonly oldestFirst?: boolean;
    readonly limit: number;
  }): Promise<readonly Job[]>;
  events(job: string, after: number, limit: number): Promise<readonly JobEvent[]>;
}

export interface ApprovalStore {
  /** Creates (`expected` 0) or replaces the one whose `rev` is `expected`, and counts `rev` up. */
  put(approval: Approval, expected: number): Promise<Stored<Approval>>;
  get(id: string): Promise<Approval | undefined>;
  all(): Promise<readonly Approval[]>;
}

/** What was answered to a request that carried an idempotency key. */
export type KeptAnswer = {
  /** Of the caller and the key they chose. */
  readonly key: string;
  /** Of the request, so that the same key with another request is told apart. */
  readonly fingerprint: string;
  readonly at: number;
  /** Sealed; absent while the operation has not ended. */
  readonly sealed?: string;
};

export interface AnswerStore {
  /** Takes the key if it is free; whoever comes second is told what is there. */
  claim(
    answer: KeptAnswer,
  ): Promise<{ readonly kind: 'claimed' } | { readonly kind: 'known'; readonly answer: KeptAnswer }>;
  finish(answer: KeptAnswer): Promise<void>;
  release(key: string): Promise<void>;
  /** Removes those that were claimed before then, and gives their number. */
  prune(before: number): Promise<number>;
}

export type DeliveryState = 'waiting' | 'delivered' | 'dead';

/** An event on its way to a webhook. */
export type Delivery = {
  readonly id: string;
  /** The URL as the configuration names it. */
  readonly url: string;
  readonly event: string;
  readonly at: number;
  readonly state: DeliveryState;
  readonly tries: number;
  /** waiting: not before then. */
  readonly nextAt?: number;
  readonly endedAt?: number;
  /** Of the newest try: the HTTP status, or why there was none. */
  readonly status?: number;
  readonly because?: string;
  readonly body: string;
};

export interface DeliveryStore {
  /** Creates or replaces. */
  put(delivery: Delivery): Promise<void>;
  /** Newest first, of one millisecond by id. */
  list(query: {
    readonly state?: DeliveryState;
    readonly before?: number;
    readonly beforeId?: string;
    readonly limit: number;
  }): Promise<readonly Delivery[]>;
  /** Keeps the newest so many that are over, and those that wait. */
  prune(keep: number): Promise<number>;
}
