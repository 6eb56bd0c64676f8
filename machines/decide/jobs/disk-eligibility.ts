import type { InventoryDisk } from '../../contract/inventory.ts';

/** Why a disk is left alone that nobody named. */
export const NOT_ASKED_FOR = 'not asked for';

/** Transports of disks that are not in this machine, or not only in it (safety rule 2). */
const REMOTE: Readonly<Record<string, string>> = {
  fc: 'Fibre Channel: it is not in this machine',
  fcoe: 'Fibre Channel: it is not in this machine',
  iscsi: 'iSCSI: it is not in this machine',
  tcp: 'NVMe over Fabrics: it is not in this machine',
  rdma: 'NVMe over Fabrics: it is not in this machine',
  usb: 'USB: it may be a stick or a BMC’s virtual media',
  sdcard: 'an SD card',
};

/** Why a plan must not touch this disk whatever anybody asks for; nothing where it may. */
export function whyLeftAlone(disk: InventoryDisk, sharedWwns: ReadonlySet<string>): string | undefined {
  if (disk.readonly) return 'read-only';
  if (disk.removable) return 'removable';
  const remote = disk.transport === undefined ? undefined : REMOTE[disk.transport.toLowerCase()];
  if (remote !== undefined) return remote;
  if (disk.bytes === 0) return 'no medium, or its size could not be read';
  if (disk.signatures.some((one) => /^mpath_member$/i.test(one))) return 'a path of a multipath device';
  if (disk.wwn !== undefined && sharedWwns.has(disk.wwn)) return 'another machine shows the same WWN';
  return undefined;
}

/** `S4X1` or its WWN: what a person wrote down and what a drive says may differ in case and blanks only. */
export function isDisk(disk: Pick<InventoryDisk, 'serial' | 'wwn'>, named: string): boolean {
  const same = (text: string | undefined): boolean =>
    text !== undefined && text.trim().toLowerCase() === named.trim().toLowerCase();
  return same(disk.serial) || same(disk.wwn);
}
