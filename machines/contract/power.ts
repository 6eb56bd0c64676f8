/** What a BMC says about its machine's power. `unknown`: it did not say, or could not be asked. */
export const POWER_STATES = ['on', 'off', 'powering-on', 'powering-off', 'unknown'] as const;
export type PowerState = (typeof POWER_STATES)[number];

/**
 * What is asked for. `off` is graceful and then forced, `soft` graceful only, `cycle` is off, proven off, on; `reset`
 * restarts at once without asking the system.
 */
export const POWER_ACTIONS = ['on', 'off', 'force-off', 'soft', 'cycle', 'reset'] as const;
export type PowerAction = (typeof POWER_ACTIONS)[number];

/** The verbs of the power contract. A driver declares which of them it has for this machine. */
export const BMC_VERBS = [
  'status',
  'on',
  'off',
  'soft',
  'reset',
  'boot-once',
  'identify',
  'inventory',
  'events',
  'console',
] as const;
export type BmcVerb = (typeof BMC_VERBS)[number];

export const BMC_TYPES = ['redfish', 'ipmi', 'wol', 'webhook', 'manual'] as const;
export type BmcType = (typeof BMC_TYPES)[number];

/** `http` is UEFI HTTP Boot; a BMC without it takes `network`. `none` clears an override. */
export const BOOT_DEVICES = ['network', 'http', 'disk', 'media', 'setup', 'none'] as const;
export type BootDevice = (typeof BOOT_DEVICES)[number];
export type BootOnce = { readonly device: BootDevice; readonly mode?: 'bios' | 'uefi' };

/** Who a BMC says its machine is: what it is joined to a machine by. */
export type BmcIdentity = {
  readonly manufacturer?: string;
  readonly product?: string;
  readonly serial?: string;
  /** Dell's service tag stands here; its `serial` is the board's. */
  readonly sku?: string;
  readonly uuid?: string;
  readonly macs: readonly string[];
  /** Maker and version of the BMC's own firmware: quirks are remembered under these. */
  readonly bmcVendor?: string;
  readonly bmcVersion?: string;
};

export type BmcStatus = {
  readonly power: PowerState;
  readonly health?: 'ok' | 'warning' | 'critical';
  /** Redfish BootProgress.LastState, where the firmware tells it. */
  readonly bootProgress?: string;
  readonly powerWatts?: number;
  readonly identifying?: boolean;
};

/** A line of the System Event Log or of a Redfish LogService. `at`: milliseconds since the epoch by the BMC's own clock. */
export type BmcEvent = {
  readonly id: string;
  readonly at?: number;
  readonly severity: 'ok' | 'warning' | 'critical';
  readonly text: string;
};

/** Why a BMC did not do what it was asked. */
export const BMC_ERROR_CODES = [
  'unreachable', // no TCP or UDP answer
  'timeout', // it answered before, not now
  'certificate', // not the pinned one
  'credential', // user or password refused; never retried by itself (lockout)
  'privilege', // the account may not do that
  'sessions', // no session free
  'not-supported', // the BMC or the driver lacks the verb
  'licence', // the vendor sells it separately
  'state', // not now: powering on, POST, updating
  'busy', // asked to come later
  'not-stored', // said yes, kept something else
  'refused', // understood and refused
  'malformed', // an answer that is not in the protocol
] as const;
export type BmcErrorCode = (typeof BMC_ERROR_CODES)[number];
