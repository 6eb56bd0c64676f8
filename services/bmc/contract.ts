import type {
  BmcErrorCode,
  BmcEvent,
  BmcIdentity,
  BmcStatus,
  BmcType,
  BmcVerb,
  BootOnce,
} from '#machines/contract/power.ts';
import type { Inventory } from '#machines/contract/inventory.ts';

/**
 * One BMC, by a handful of verbs. A driver sends and reads; it never repeats a request that changes power or boot, and
 * it proves nothing by effect: queueing, read-back waits, retries and cool-downs stand once, in power.ts, over all
 * drivers. At most one request is in flight, and that too is the caller's duty.
 *
 * Every verb takes a signal that carries its deadline, and rejects with a `BmcError` (or the signal's reason). Verbs
 * that are not in `verbs` reject with code `not-supported`.
 */
export interface BmcDriver extends AsyncDisposable {
  readonly type: BmcType;
  /** Known after `open`; what is missing falls to the machine API and then to a person. */
  readonly verbs: ReadonlySet<BmcVerb>;
  status(signal: AbortSignal): Promise<BmcStatus>;
  /** Asks once. `off` is forced, `soft` graceful. Already in that state is success. Done when the BMC took it. */
  power(action: 'on' | 'off' | 'soft' | 'reset', signal: AbortSignal): Promise<void>;
  /** Sets it and reads it back; rejects with `not-stored` when the BMC said yes and kept something else. */
  bootOnce(wanted: BootOnce, signal: AbortSignal): Promise<void>;
  /** The locate light: on for so many seconds where the BMC can count, else on; 0 is off. */
  identify(seconds: number, signal: AbortSignal): Promise<void>;
  identity(signal: AbortSignal): Promise<BmcIdentity>;
  inventory(signal: AbortSignal): Promise<Inventory>;
  /** Newest last. */
  events(signal: AbortSignal): Promise<readonly BmcEvent[]>;
  /** Serial over LAN. Ends when the signal aborts, the BMC ends it, or the reader returns. */
  console(signal: AbortSignal): Promise<BmcConsole>;
  /**
   * Where a driver has no serial line but its BMC may have one by IPMI: the UDP port of the same host. Rejects with
   * `not-supported` where the BMC says that its IPMI is off; undefined where it does not say.
   */
  serialPort?(signal: AbortSignal): Promise<number | undefined>;
}

export type BmcConsole = AsyncDisposable & {
  readonly output: AsyncIterable<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
};

/** What a driver needs to reach one BMC. */
export type BmcTarget = {
  readonly type: BmcType;
  /** Redfish and webhook: `https://10.0.0.12`; IPMI: `10.0.0.12` or `10.0.0.12:623`; wol: a MAC address. */
  readonly address: string;
  readonly credential?: BmcCredential;
  /** Redfish: the system's id where a BMC holds several. */
  readonly system?: string;
  /** SHA-256 of the leaf certificate in hex: refused before any credential is sent where it differs. */
  readonly pin?: string;
  /** What earlier visits found to work: opaque to all but the driver, exported as it is. */
  readonly learned?: Readonly<Record<string, string>>;
  /** Webhook: what it can, as the machine's document says. */
  readonly verbs?: readonly BmcVerb[];
  /** Webhook: the machine's name, told with each request. */
  readonly machine?: string;
};

/** The password never appears in logs: nothing that holds one is logged. */
export type BmcCredential = {
  readonly username: string;
  readonly password: string;
  /** IPMI's K_g, 20 bytes in hex. */
  readonly kg?: string;
};

/** Around a driver: what it found out and should be kept. */
export type BmcObserver = {
  /** The certificate of the first visit (`pin` was absent): shown to a person and kept. */
  pinned?(certificate: { readonly sha256: string; readonly subject: string; readonly validTo: string }): void;
  learned?(facts: Readonly<Record<string, string>>): void;
};

export type { BmcErrorCode };

/** The one class at this boundary: callers read `code`, people read the message, the cause holds the rest. */
export class BmcError extends Error {
  readonly code: BmcErrorCode;
  /** When the BMC said to come again, milliseconds from now. */
  readonly retryAfterMs?: number;
  constructor(code: BmcErrorCode, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : {});
    this.name = 'BmcError';
    this.code = code;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }
}

/** Opens the driver of a target's type. Nothing is sent until the first verb, except what `verbs` needs to be known. */
export type OpenBmc = (target: BmcTarget, observer?: BmcObserver) => Promise<BmcDriver>;
