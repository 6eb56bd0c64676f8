import { status } from '@grpc/grpc-js';
import { storageHandlers as disksOf } from '#machines/agent/api/storage-handlers.ts';
import { CallRefusal, envelope, notFound, type UnaryHandlers } from '#machines/agent/api/call.ts';
import type { Machine } from '../machine.ts';
import { eraseDisk } from '../system-disk.ts';

/** Disks, and their erasure where nothing of the system lies on them. */
export function storageHandlers(machine: Machine): UnaryHandlers {
  const { '/storage.StorageService/Disks': list } = disksOf({ hardware: { current: () => machine.inventory } });
  return {
    async '/storage.StorageService/Disks'(request, caller) {
      const found = await list?.(request, caller);
      const marked = found?.messages?.[0]?.disks?.map((disk) => ({
        ...disk,
        system_disk: disk.name === machine.system?.name,
      }));
      return envelope({ disks: marked ?? [] });
    },
    async '/storage.StorageService/BlockDeviceWipe'({ devices }) {
      for (const { device, skip_volume_check: skips } of devices) {
        const disk = machine.inventory.disks.find(({ name }) => name === device);
        if (!disk) throw notFound(`blockdevice ${JSON.stringify(device)} not found`);
        if (device === machine.system?.name && !skips) {
          throw new CallRefusal(
            status.FAILED_PRECONDITION,
            `blockdevice ${JSON.stringify(device)} is in use by volume "EPHEMERAL"`,
          );
        }
        await eraseDisk(machine.boot.disks, device);
        if (device === machine.system?.name) machine.system = undefined;
      }
      machine.inventory = await machine.boot.readInventory();
      machine.refresh();
      return envelope({});
    },
  };
}
