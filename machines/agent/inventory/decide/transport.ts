/** What sysfs tells of how a disk is reached. */
export type Attachment = {
  /** Kernel name of the disk. */
  readonly name: string;
  /** Path of the disk's device below /sys, without links. */
  readonly device: string;
  /** INQUIRY's vendor, `ATA` where libata or a translator stands before an ATA disk. */
  readonly vendor?: string | undefined;
  /** Of an NVMe controller: pcie, tcp, rdma, fc. */
  readonly nvme?: string | undefined;
  /** Of an MMC device: SD or MMC. */
  readonly mmc?: string | undefined;
  /** Kinds of host that this SCSI host is: sas, fc, iscsi. */
  readonly host?: readonly string[] | undefined;
  /** The driver of its SCSI host. */
  readonly hostDriver?: string | undefined;
};

/** Drivers of controllers that show arrays, not drives. */
const RAID_DRIVERS = /^(?:megaraid_sas|megaraid_mbox|aacraid|hpsa|cciss|smartpqi|arcmsr|3w-.*|ips|mpi3mr_raid)$/;

/**
 * The transport in the words of `lsblk` (sata, sas, nvme, usb, fc, iscsi, virtio), `raid` for what a controller shows of
 * its drives, and the NVMe fabric's own word (tcp, rdma, fc). What is not known is undefined: it must not look local.
 */
export function transportOf(disk: Attachment): string | undefined {
  if (disk.nvme !== undefined) return disk.nvme === 'pcie' ? 'nvme' : disk.nvme;
  if (disk.name.startsWith('nvme')) return undefined;
  if (disk.mmc !== undefined) return disk.mmc === 'SD' ? 'sdcard' : 'mmc';
  if (disk.name.startsWith('xvd')) return 'xen';
  if (/\/usb\d+\//.test(disk.device)) return 'usb';
  if (disk.host?.includes('fc') || /\/rport-\d/.test(disk.device)) return 'fc';
  if (disk.host?.includes('iscsi') || /\/session\d+\//.test(disk.device)) return 'iscsi';
  if (/\/ata\d+\//.test(disk.device) || disk.vendor === 'ATA') return 'sata';
  if (disk.hostDriver !== undefined && RAID_DRIVERS.test(disk.hostDriver)) {
    // The same drivers show single drives too, then as end devices of SAS.
    return /\/end_device-/.test(disk.device) ? 'sas' : 'raid';
  }
  if (disk.host?.includes('sas') || /\/end_device-/.test(disk.device)) return 'sas';
  if (/\/virtio\d+(?:\/|$)/.test(disk.device)) return 'virtio';
  return undefined;
}
