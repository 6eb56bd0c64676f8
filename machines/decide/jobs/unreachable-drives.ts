import type { Inventory, InventoryDisk } from '../../contract/inventory.ts';
import type { PlannedDisk } from '../../contract/job.ts';

/** Sizes that a BMC tells are rounded by some; of a drive without any name they are all there is to go by. */
const SIZE_TOLERANCE = 0.01;
/** Firmware cuts the serial numbers of SAS drives to what is printed on them. */
const SERIAL_PREFIX = 8;

/**
 * Drives that are in the machine and that its agent does not see as disks: those which a BMC tells of, and those behind
 * a controller’s volume that nobody tells of. A virtual disk is not its drives: spare sectors, hot spares and former
 * members stay as they are when it is erased.
 */
export function unreachableDrives(inBand: Inventory, outOfBand: Inventory | undefined): readonly PlannedDisk[] {
  const drives = onceEach((outOfBand?.disks ?? []).filter((disk) => !isVolume(disk) && !disk.removable));
  const seen = inBand.disks.filter(({ transport }) => transport !== 'raid');
  const unnamed = new Set(seen.filter((disk) => !drives.some((drive) => isSame(drive, disk))));
  const hidden = drives.filter((drive) => {
    if (seen.some((disk) => isSame(drive, disk))) return false;
    if (drive.serial !== undefined || drive.wwn !== undefined) return true;
    const alike = [...unnamed].find((disk) => Math.abs(disk.bytes - drive.bytes) <= drive.bytes * SIZE_TOLERANCE);
    if (alike) unnamed.delete(alike);
    return alike === undefined;
  });
  if (hidden.length > 0) {
    const when = new Date(outOfBand?.at ?? 0).toISOString();
    return hidden.map((drive) =>
      unreachable(drive, drive.location ?? 'drive', `its BMC told of it at ${when}; it is no disk to the agent`),
    );
  }
  if (drives.length > 0) return [];
  return inBand.disks
    .filter(({ transport }) => transport === 'raid')
    .map(({ name = 'a volume' }) =>
      unreachable({ bytes: 0 }, `drives of ${name}`, `a controller shows ${name} instead of its drives`),
    );
}

function unreachable(
  { serial, wwn, model, bytes }: Pick<InventoryDisk, 'serial' | 'wwn' | 'model' | 'bytes'>,
  name: string,
  because: string,
): PlannedDisk {
  return {
    name,
    ...(serial === undefined ? {} : { serial }),
    ...(wwn === undefined ? {} : { wwn }),
    ...(model === undefined ? {} : { model }),
    bytes,
    signatures: [],
    act: 'unreachable',
    because,
    vetoes: [],
  };
}

/** Redfish lists what a controller makes of its drives beside them. */
const isVolume = ({ model, serial }: InventoryDisk): boolean =>
  serial === undefined && model?.startsWith('Volume ') === true;

function onceEach(drives: readonly InventoryDisk[]): readonly InventoryDisk[] {
  const known = new Set<string>();
  return drives.filter(({ serial }) => {
    const name = serial?.trim().toLowerCase();
    if (name === undefined || !known.has(name)) {
      if (name !== undefined) known.add(name);
      return true;
    }
    return false;
  });
}

function isSame(one: InventoryDisk, other: InventoryDisk): boolean {
  const plain = (text: string | undefined): string =>
    (text ?? '').replace(/^(?:naa\.|eui\.|0x)|[^0-9a-z]/gi, '').toLowerCase();
  if (one.wwn !== undefined && plain(one.wwn) === plain(other.wwn)) return true;
  const [short = '', long = ''] = [plain(one.serial), plain(other.serial)].toSorted((a, b) => a.length - b.length);
  return short !== '' && (short === long || (short.length >= SERIAL_PREFIX && long.startsWith(short)));
}
