import type { Inventory } from '../../contract/inventory.ts';
import type { PlannedDisk } from '../../contract/job.ts';

/** The disk of a plan that a machine's own Talos runs from, and would write; none where the plan leaves all alone. */
export const systemDiskOf = (disks: readonly PlannedDisk[]): PlannedDisk | undefined =>
  disks.find(({ act }) => act !== 'leave-alone');

/**
 * Why the disk that the machine runs from now is not the one that was confirmed, with what is wanted and what was got:
 * path, serial, WWN and size must all be as they were (safety rule 1). Nothing where they are.
 */
export function whyOtherSystemDisk(
  planned: Pick<PlannedDisk, 'name' | 'serial' | 'wwn' | 'bytes'> | undefined,
  /** Kernel name, as the machine says it. */
  systemDisk: string | undefined,
  { disks }: Pick<Inventory, 'disks'>,
): string | undefined {
  if (!planned) return 'the plan names no system disk';
  if (systemDisk === undefined) return `it does not say which disk its system is on, want ${textOf(planned)}`;
  const found = disks.filter(({ name }) => name === systemDisk);
  const [now] = found;
  if (!now || found.length > 1) {
    return `its system is on ${systemDisk}, of which it shows ${found.length} disks, want ${textOf(planned)}`;
  }
  const isSame =
    now.name === planned.name &&
    now.serial === planned.serial &&
    now.wwn === planned.wwn &&
    now.bytes === planned.bytes;
  return isSame ? undefined : `its system is on ${textOf(now)}, want ${textOf(planned)}`;
}

const textOf = ({
  name = '?',
  serial = 'none',
  wwn = 'none',
  bytes,
}: {
  readonly name?: string | undefined;
  readonly serial?: string | undefined;
  readonly wwn?: string | undefined;
  readonly bytes: number;
}): string => `${name} (serial ${serial}, WWN ${wwn}, ${bytes} bytes)`;
