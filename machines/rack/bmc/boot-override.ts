import type { BootDevice } from '../../contract/power.ts';

/** Redfish's words, which IPMI's device numbers are a part of. */
export const BOOT_TARGETS = ['None', 'Pxe', 'Hdd', 'Cd', 'Usb', 'BiosSetup', 'UefiHttp'] as const;
export type BootTarget = (typeof BOOT_TARGETS)[number];
export const BOOT_ENABLED = ['Disabled', 'Once', 'Continuous'] as const;
export type BootEnabled = (typeof BOOT_ENABLED)[number];
export const BOOT_MODES = ['Legacy', 'UEFI'] as const;
export type BootMode = (typeof BOOT_MODES)[number];

export type BootOverride = {
  readonly target: BootTarget;
  readonly enabled: BootEnabled;
  readonly mode: BootMode;
  readonly httpUri?: string;
};

/** What one boot attempt is told. `none`: the firmware's own order. */
export type BootChoice = { readonly device: BootDevice; readonly mode: 'bios' | 'uefi'; readonly httpUri?: string };

const DEVICE_OF: Readonly<Record<BootTarget, BootDevice>> = {
  None: 'none',
  Pxe: 'network',
  Hdd: 'disk',
  Cd: 'media',
  Usb: 'media',
  BiosSetup: 'setup',
  UefiHttp: 'http',
};

export type BootSetting = {
  get(): BootOverride;
  set(wanted: Partial<BootOverride>): void;
  /**
   * IPMI 2.0 table 28-14: unless the BMC was told to leave it, an override dies 60 s after it was set when no chassis
   * command follows.
   */
  expireIn(ms: number): void;
  /** It lives until a boot spends it. */
  keep(): void;
  /** For one boot attempt. `Once` is spent by it, whatever comes of it. */
  take(): BootChoice;
};

export function openBootSetting(options: {
  readonly mode: BootMode;
  readonly now: () => number;
  /** Whether it is lost on the way to the boot. */
  readonly forgets: () => boolean;
}): BootSetting {
  const { mode, now, forgets } = options;
  const cleared = (): BootOverride => ({ target: 'None', enabled: 'Disabled', mode: current.mode });
  let current: BootOverride = { target: 'None', enabled: 'Disabled', mode };
  let expiry: number | undefined;

  function get(): BootOverride {
    if (expiry !== undefined && now() >= expiry) {
      expiry = undefined;
      current = cleared();
    }
    return current;
  }

  return {
    get,
    set(wanted) {
      const next = { ...get(), ...wanted };
      current = next.enabled === 'Disabled' ? { ...cleared(), mode: next.mode } : next;
      expiry = undefined;
    },
    expireIn(ms) {
      expiry = now() + ms;
    },
    keep() {
      // One that has died meanwhile stays dead.
      get();
      expiry = undefined;
    },
    take() {
      const { target, enabled, mode, httpUri } = get();
      if (enabled === 'Once' || forgets()) current = cleared();
      const isSet = enabled !== 'Disabled' && !forgets();
      return {
        device: isSet ? DEVICE_OF[target] : 'none',
        mode: mode === 'UEFI' ? 'uefi' : 'bios',
        ...(isSet && httpUri !== undefined ? { httpUri } : {}),
      };
    },
  };
}
