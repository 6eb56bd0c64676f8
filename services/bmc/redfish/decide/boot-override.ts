import type { BootDevice, BootOnce } from '#machines/contract/power.ts';
import type { Boot } from './resources.ts';

/** Which properties are sent: firmware disagrees on what belongs together. */
export const BOOT_FORMS = ['full', 'no-mode', 'bare'] as const;
export type BootForm = (typeof BOOT_FORMS)[number];
export type BootTry = { readonly form: BootForm; readonly boot: Readonly<Record<string, string | null>> };

export type BootPlan =
  | { readonly ok: true; readonly wanted: WantedBoot; readonly tries: readonly BootTry[] }
  | { readonly ok: false; readonly because: string };

export type WantedBoot = {
  readonly target: string;
  readonly enabled: 'Once' | 'Disabled';
  /** What must be read back. Undefined: whatever it is. */
  readonly mode?: 'Legacy' | 'UEFI';
};

export const isBootForm = (text: string | undefined): text is BootForm => BOOT_FORMS.some((form) => form === text);

/** BootSourceOverrideTarget by device, the best first; the first is the word where none is listed. */
const TARGETS: Readonly<Record<BootDevice, readonly string[]>> = {
  network: ['Pxe'],
  http: ['UefiHttp', 'Pxe'],
  disk: ['Hdd'],
  media: ['Cd', 'UsbCd', 'Usb'],
  setup: ['BiosSetup'],
  none: ['None'],
};

/**
 * What to send for a boot override that holds once, in the order to be tried while the service says 400. `changes` is
 * the Boot object that is changed, `current` the one of the system: allowed values and the mode may stand in either.
 *
 * AMI and ASRock Rack want Enabled, Target and Mode together; HPE DL160 and Supermicro X10 refuse Mode; Supermicro
 * always wants Enabled. So Mode goes along where it can be read, and the other form is the second try. XCC knows Once
 * and Disabled only, and everybody's Continuous differs, so that Once it always is.
 */
export function bootPlan(options: {
  readonly wanted: BootOnce;
  readonly changes: Boot;
  readonly current: Boot;
  readonly learned?: BootForm | undefined;
}): BootPlan {
  const { wanted, changes, current, learned } = options;
  const targets =
    changes['BootSourceOverrideTarget@Redfish.AllowableValues'] ??
    current['BootSourceOverrideTarget@Redfish.AllowableValues'];
  const [usual = 'None'] = TARGETS[wanted.device];
  const isClear = wanted.device === 'none';
  // Supermicro X11 and X12 list both, and boot their virtual drive by this one only.
  const isUsbCd = wanted.device === 'media' && targets?.includes('UsbCd');
  const listed = targets ? TARGETS[wanted.device].find((one) => targets.includes(one)) : usual;
  const target = isUsbCd ? 'UsbCd' : listed;
  // Clearing is Enabled: Disabled, whether or not None is listed.
  if (target === undefined && !isClear) {
    return { ok: false, because: `no ${TARGETS[wanted.device].join(' or ')} among ${(targets ?? []).join(', ')}` };
  }
  const enabled = isClear ? 'Disabled' : 'Once';
  const once =
    changes['BootSourceOverrideEnabled@Redfish.AllowableValues'] ??
    current['BootSourceOverrideEnabled@Redfish.AllowableValues'];
  if (!isClear && once && once.length > 0 && !once.includes('Once')) {
    return { ok: false, because: `no Once among ${once.join(', ')}` };
  }

  const readable = changes.BootSourceOverrideMode ?? current.BootSourceOverrideMode;
  const asked =
    target === 'UefiHttp' || wanted.mode === 'uefi' ? 'UEFI' : wanted.mode === 'bios' ? 'Legacy' : undefined;
  const mode = asked ?? readable ?? 'UEFI';
  // A URI that somebody left there would win over the one of DHCP.
  const uri = target === 'UefiHttp' && (changes.HttpBootUri ?? current.HttpBootUri) !== undefined;
  const base = {
    BootSourceOverrideEnabled: enabled,
    BootSourceOverrideTarget: target ?? usual,
    ...(uri ? { HttpBootUri: null } : {}),
  };
  const full: BootTry = { form: 'full', boot: { ...base, BootSourceOverrideMode: mode } };
  const noMode: BootTry = { form: 'no-mode', boot: base };
  const bare: BootTry = { form: 'bare', boot: { BootSourceOverrideEnabled: enabled } };
  const usualOrder = [...(readable === undefined ? [noMode, full] : [full, noMode]), ...(isClear ? [bare] : [])];
  return {
    ok: true,
    wanted: {
      target: target ?? usual,
      enabled,
      ...(asked !== undefined && !isClear ? { mode: asked } : {}),
    },
    tries: [...usualOrder.filter(({ form }) => form === learned), ...usualOrder.filter(({ form }) => form !== learned)],
  };
}

/** Whether it is there, or what stands there instead. A service may say 200 and keep what it had (AMI, Supermicro). */
export function bootStored(
  boot: Boot | undefined,
  wanted: WantedBoot,
): { readonly ok: true } | { readonly ok: false; readonly got: string } {
  const target = boot?.BootSourceOverrideTarget;
  const enabled = boot?.BootSourceOverrideEnabled;
  const mode = boot?.BootSourceOverrideMode;
  const isThere =
    wanted.enabled === 'Disabled'
      ? enabled === 'Disabled' || target === undefined || target === 'None'
      : target === wanted.target &&
        (enabled === undefined || enabled === 'Once') &&
        (mode === undefined || wanted.mode === undefined || mode === wanted.mode);
  return isThere ? { ok: true } : { ok: false, got: [target, enabled, mode].map((one) => one ?? '-').join(' / ') };
}

export const bootText = ({ target, enabled, mode }: WantedBoot): string =>
  [target, enabled, mode ?? 'any mode'].join(' / ');
