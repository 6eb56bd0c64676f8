import type { InventoryDisk } from '../../contract/inventory.ts';
import type { DiskFacts } from './read-disks.ts';
import type { Source } from './source.ts';
import { decodeNvmeHealth, decodeSmartctl } from './wire/drive-health.ts';

type Health = Pick<InventoryDisk, 'health' | 'healthText'>;

/**
 * What the drive says of its own health. No tool may open a block device for writing here: nvme and smartctl ask with
 * descriptors that only read (smartctl 7.3 watched by inotify, with `-d ata`, `sat` and `scsi`).
 */
export async function readHealth(source: Source, disk: DiskFacts): Promise<Health> {
  if (disk.name.startsWith('nvme')) {
    const text = await source.tool(disk.name, 'nvme', ['smart-log', `/dev/${disk.name}`, '-o', 'json']);
    return text === undefined ? {} : told(source, disk.name, 'nvme', decodeNvmeHealth(text));
  }
  // What a RAID controller, a hypervisor or a USB bridge shows has no SMART of its own, or none that can be trusted.
  if (!['sata', 'sas', 'fc'].includes(disk.transport ?? '')) return {};
  const kind = disk.transport === 'sata' ? 'sat' : 'scsi';
  // Bits 3 and up of its status say what is wrong with the disk, 0 to 2 with the asking.
  const text = await source.tool(disk.name, 'smartctl', ['-j', '-i', '-H', '-A', '-d', kind, `/dev/${disk.name}`], {
    accepts: ({ status, stdout }) => status !== 127 && stdout.trimStart().startsWith('{'),
  });
  return text === undefined ? {} : told(source, disk.name, 'smartctl', decodeSmartctl(text));
}

function told(source: Source, name: string, tool: string, result: ReturnType<typeof decodeSmartctl>): Health {
  if (result.kind === 'told') return result.health;
  source.gap(`${name}: ${tool}: ${result.because}`);
  return {};
}
