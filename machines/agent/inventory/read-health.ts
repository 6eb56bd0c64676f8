import type { InventoryDisk } from '../../contract/inventory.ts';
import type { DiskFacts } from './read-disks.ts';
import type { Source } from './source.ts';
import { decodeNvmeHealth, decodeSmartctl } from './wire/drive-health.ts';

type Health = Pick<InventoryDisk, 'health' | 'healthText'>;

/**
 * What the drive says of its own health. No tool may open a block device for writing here: smartctl does so for SCSI
 * disks (it asks for O_RDWR first), so that these are asked through their generic device, ATA disks by `-d ata`, which
 * opens for reading only.
 */
export async function readHealth(source: Source, disk: DiskFacts): Promise<Health> {
  if (disk.name.startsWith('nvme')) {
    const text = await source.tool(disk.name, 'nvme', ['smart-log', `/dev/${disk.name}`, '-o', 'json']);
    return text === undefined ? {} : told(source, disk.name, 'nvme', decodeNvmeHealth(text));
  }
  const target = targetOf(disk);
  if (target === undefined) return {};
  // Bits 3 and up of its status say what is wrong with the disk, 0 to 2 with the asking.
  const text = await source.tool(disk.name, 'smartctl', ['-j', '-i', '-H', '-A', ...target], {
    accepts: ({ status, stdout }) => status !== 127 && stdout.trimStart().startsWith('{'),
  });
  return text === undefined ? {} : told(source, disk.name, 'smartctl', decodeSmartctl(text));
}

function targetOf(disk: DiskFacts): readonly string[] | undefined {
  if (disk.transport === 'sata' && /\/ata\d+\//.test(disk.device)) return ['-d', 'ata', `/dev/${disk.name}`];
  if (disk.generic === undefined || !['sata', 'sas', 'fc'].includes(disk.transport ?? '')) return undefined;
  return ['-d', disk.transport === 'sata' ? 'sat' : 'scsi', `/dev/${disk.generic}`];
}

function told(source: Source, name: string, tool: string, result: ReturnType<typeof decodeSmartctl>): Health {
  if (result.kind === 'told') return result.health;
  source.gap(`${name}: ${tool}: ${result.because}`);
  return {};
}
