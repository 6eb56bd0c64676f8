import type { BootDevice, BootOnce } from '#machines/contract/power.ts';
import { BOOT_SELECTOR, type BootFlags } from '../wire/boot-options.ts';
import { SUPERMICRO } from './vendor.ts';

/** IPMI has no HTTP Boot: it is asked for as a boot from the network. Media are those that the BMC itself presents. */
const SELECTOR: Readonly<Record<BootDevice, number>> = {
  network: BOOT_SELECTOR.network,
  http: BOOT_SELECTOR.network,
  disk: BOOT_SELECTOR.disk,
  media: BOOT_SELECTOR.cd,
  setup: BOOT_SELECTOR.setup,
  none: BOOT_SELECTOR.none,
};

/**
 * The flags for the next boot only. Where no mode is asked for, the one stays that was set before, else UEFI: nearly
 * all that is in racks today, and boards that only know BIOS ignore the bit.
 */
export function bootFlagsFor(
  wanted: BootOnce,
  stored: BootFlags | undefined,
  manufacturer: number | undefined,
): BootFlags {
  const kept = stored?.isValid === true ? stored.isEfi : true;
  const isEfi = wanted.mode === undefined ? kept : wanted.mode === 'uefi';
  if (wanted.device === 'none')
    return { isValid: false, isPersistent: false, isEfi: false, device: BOOT_SELECTOR.none };
  // Supermicro's UEFI takes the selector "primary remote media" for its disk, and ignores the one for disks.
  const isOdd = manufacturer === SUPERMICRO && wanted.device === 'disk' && isEfi;
  const device = isOdd ? BOOT_SELECTOR.remotePrimary : SELECTOR[wanted.device];
  return { isValid: true, isPersistent: false, isEfi, device };
}

/** What a BMC kept otherwise than it was asked to, or undefined where it is as it should be. */
export function bootDifference(asked: BootFlags, stored: BootFlags, wanted: BootOnce): string | undefined {
  // Cleared is whatever asks for nothing.
  if (wanted.device === 'none') {
    const isClear = !stored.isValid || stored.device === BOOT_SELECTOR.none;
    return isClear ? undefined : `it keeps boot device ${deviceName(stored.device)}`;
  }
  if (stored.device !== asked.device) {
    return `it keeps boot device ${deviceName(stored.device)}, want ${deviceName(asked.device)}`;
  }
  if (!stored.isValid) return 'it keeps the boot device and marks it as not valid';
  if (stored.isPersistent) return 'it keeps the boot device for every boot';
  const isOtherMode = wanted.mode !== undefined && stored.isEfi !== asked.isEfi;
  return isOtherMode ? `it keeps boot mode ${stored.isEfi ? 'UEFI' : 'BIOS'}` : undefined;
}

const deviceName = (selector: number): string =>
  Object.entries(BOOT_SELECTOR).find(([, number]) => number === selector)?.[0] ?? String(selector);
