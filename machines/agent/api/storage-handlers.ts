import { status } from '@grpc/grpc-js';
import type { Sendable } from '../../api/messages/shape.ts';
import type { Disk } from '../../api/messages/storage.ts';
import type { InventoryDisk } from '../../contract/inventory.ts';
import type { Hardware } from '../hardware.ts';
import { CallRefusal, envelope, type UnaryHandlers } from './call.ts';

/** The machine's disks, as they were when it was last read. */
export function storageHandlers(parts: { readonly hardware: Pick<Hardware, 'current'> }): UnaryHandlers {
  return {
    '/storage.StorageService/Disks': () => {
      const inventory = parts.hardware.current();
      if (!inventory) throw new CallRefusal(status.FAILED_PRECONDITION, 'the hardware is still being read');
      return envelope({ disks: inventory.disks.filter(({ name }) => name !== undefined).map(diskMessage) });
    },
  };
}

function diskMessage(disk: InventoryDisk): Sendable<Disk> {
  return {
    size: disk.bytes,
    model: disk.model,
    device_name: `/dev/${disk.name}`,
    name: disk.name,
    serial: disk.serial,
    wwid: disk.wwn,
    type: diskType(disk),
    bus_path: disk.location,
    readonly: disk.readonly,
  };
}

type Kind = 'UNKNOWN' | 'SSD' | 'HDD' | 'NVME' | 'SD' | 'CD';

/** By the kernel's name for the device. */
const KINDS: Readonly<Record<string, Kind>> = { nvme: 'NVME', sr: 'CD', mmcblk: 'SD' };

function diskType(disk: InventoryDisk): Kind {
  const kind = /^[a-z]+/.exec(disk.name ?? '')?.[0] ?? '';
  const told = KINDS[kind];
  if (told) return told;
  if (disk.rotational === undefined) return 'UNKNOWN';
  return disk.rotational ? 'HDD' : 'SSD';
}
