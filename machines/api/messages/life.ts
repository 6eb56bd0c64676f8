import type { Duration, Timestamp, Word } from './shape.ts';

export type Version = {
  readonly version: {
    readonly tag: string;
    readonly sha: string;
    readonly built: string;
    readonly go_version: string;
    readonly os: string;
    readonly arch: string;
  } | null;
  readonly platform: { readonly name: string; readonly mode: string } | null;
  readonly features: { readonly rbac: boolean } | null;
};

export type ApplyMode = 'REBOOT' | 'AUTO' | 'NO_REBOOT' | 'STAGED' | 'TRY';
export type ApplyConfigurationRequest = {
  /** YAML. */
  readonly data: Uint8Array;
  readonly mode: Word<ApplyMode>;
  readonly dry_run: boolean;
  readonly try_mode_timeout: Duration | null;
};
export type ApplyConfiguration = {
  readonly warnings: readonly string[];
  readonly mode: Word<ApplyMode>;
  readonly mode_details: string;
};

export type RebootRequest = { readonly mode: Word<'DEFAULT' | 'POWERCYCLE' | 'FORCE'> };
export type ShutdownRequest = { readonly force: boolean };
/** Events carry this id; a reply alone proves nothing. */
export type Actor = { readonly actor_id: string };

export type ResetRequest = {
  readonly graceful: boolean;
  readonly reboot: boolean;
  readonly system_partitions_to_wipe: readonly { readonly label: string; readonly wipe: boolean }[];
  /** With /dev/. */
  readonly user_disks_to_wipe: readonly string[];
  readonly mode: Word<'ALL' | 'SYSTEM_DISK' | 'USER_DISKS'>;
};

export type UpgradeRequest = {
  readonly image: string;
  readonly preserve: boolean;
  readonly stage: boolean;
  readonly force: boolean;
  readonly reboot_mode: Word<'DEFAULT' | 'POWERCYCLE'>;
};

export type ClientConfigurationRequest = { readonly roles: readonly string[]; readonly crt_ttl: Duration | null };
export type ClientConfiguration = {
  readonly ca: Uint8Array;
  readonly crt: Uint8Array;
  readonly key: Uint8Array;
  readonly talosconfig: Uint8Array;
};

export type ServiceHealth = {
  readonly unknown: boolean;
  readonly healthy: boolean;
  readonly last_message: string;
  readonly last_change: Timestamp | null;
};
export type ServiceInfo = {
  readonly id: string;
  readonly state: string;
  readonly events: {
    readonly events: readonly { readonly msg: string; readonly state: string; readonly ts: Timestamp | null }[];
  } | null;
  readonly health: ServiceHealth | null;
};

export type TimeAnswer = {
  readonly server: string;
  readonly localtime: Timestamp | null;
  readonly remotetime: Timestamp | null;
};
