import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type InventoryDisk, UNREAD_DISK } from '../../contract/inventory.ts';
import { lineOf, nameOf, serialOf } from './decide/clean-text.ts';
import { transportOf } from './decide/transport.ts';
import { readSignatures } from './read-signatures.ts';
import { readHealth } from './read-health.ts';
import { reasonOf, type Source } from './source.ts';
import { known } from './wire/known.ts';
import { decodeVpdAta, decodeVpdSerial } from './wire/vpd.ts';

/** What sysfs says of a whole disk, but for what is on it. */
export type DiskFacts = Omit<InventoryDisk, 'signatures' | 'health' | 'healthText'> & {
  readonly name: string;
  readonly sectorBytes: number;
  /** Below /sys, without links. */
  readonly device: string;
};

/** Whole disks that are no hardware: they stand on others, in memory, or hold media. */
const NOT_DISKS = /^(?:loop|ram|zram|dm-|md|sr|scd|fd|nbd|drbd|bcache|rbd|zd)\d*/;
/** Reads of several disks at once; each waits for its disk, not for the processor. */
const AT_ONCE = 8;

/**
 * The disks of this machine with what is on them. They are opened for reading only. Disks that are no hardware are left
 * out and named in `gaps`; several paths to one disk are one disk, marked `mpath_member`.
 */
export async function readDisks(
  source: Source,
  places: ReadonlyMap<string, string> = new Map(),
): Promise<readonly InventoryDisk[]> {
  const names = await source.names('/sys/block');
  const left = names.filter((name) => NOT_DISKS.test(name));
  if (left.length > 0) source.gap(`disks left out, being no hardware: ${left.join(' ')}`);
  const facts: DiskFacts[] = [];
  for (const name of names) {
    if (NOT_DISKS.test(name)) continue;
    const disk = await readDiskFacts(source, name, places);
    if (disk) facts.push(disk);
  }
  const disks: InventoryDisk[] = [];
  const once = oncePerDisk(source, facts);
  for (let start = 0; start < once.length; start += AT_ONCE) {
    disks.push(
      ...(await Promise.all(
        once.slice(start, start + AT_ONCE).map(async ({ disk, paths }) => {
          source.signal.throwIfAborted();
          const { device: _, ...shown } = disk;
          const [signatures, health] = await Promise.all([readDiskSignatures(source, disk), readHealth(source, disk)]);
          return { ...shown, ...health, signatures: [...(paths > 1 ? ['mpath_member'] : []), ...signatures] };
        }),
      )),
    );
  }
  return disks;
}

/** Paths to one disk show the same WWN, serial number and size. The WWN alone is not enough: cheap drives share one. */
function oncePerDisk(
  source: Source,
  disks: readonly DiskFacts[],
): readonly { readonly disk: DiskFacts; readonly paths: number }[] {
  const groups = Map.groupBy(disks, ({ name, wwn, serial, bytes }) =>
    wwn === undefined || serial === undefined ? name : `${wwn} ${serial} ${bytes}`,
  );
  return [...groups.values()].flatMap((paths) => {
    const [disk, ...others] = paths;
    if (!disk) return [];
    if (others.length > 0) {
      source.gap(`${disk.name}: ${others.map(({ name }) => name).join(', ')} are paths to the same disk`);
    }
    return [{ disk, paths: paths.length }];
  });
}

/** One whole disk by its kernel name; undefined where there is none, or where it is a hidden path of another. */
export async function readDiskFacts(
  source: Pick<Source, 'line' | 'number' | 'bytes' | 'names' | 'link' | 'real'>,
  name: string,
  places: ReadonlyMap<string, string> = new Map(),
): Promise<DiskFacts | undefined> {
  const at = `/sys/block/${name}`;
  const sectors = await source.number(`${at}/size`);
  // A path of an NVMe disk with several (nvme0c0n1): the disk itself is listed.
  if (sectors === undefined || sectors < 0 || (await source.number(`${at}/hidden`)) === 1) return undefined;
  const device = (await source.real(`${at}/device`)) ?? '';
  const [vendor, model, wwid, deviceWwid, firmware, rev, serialHere, serialThere, sectorBytes, rotational, mmc] =
    await Promise.all([
      source.line(`${at}/device/vendor`),
      source.line(`${at}/device/model`),
      source.line(`${at}/wwid`),
      source.line(`${at}/device/wwid`),
      source.line(`${at}/device/firmware_rev`),
      source.line(`${at}/device/rev`),
      source.line(`${at}/serial`),
      source.line(`${at}/device/serial`),
      source.number(`${at}/queue/logical_block_size`),
      source.number(`${at}/queue/rotational`),
      name.startsWith('mmcblk') ? source.line(`${at}/device/type`) : undefined,
    ]);
  const [page80, page89] = await Promise.all([
    source.bytes(`${at}/device/vpd_pg80`),
    source.bytes(`${at}/device/vpd_pg89`),
  ]);
  const ata = page89 && decodeVpdAta(page89);
  const host = /\/host(\d+)\//.exec(device)?.[1];
  const [transport, location] = await Promise.all([
    readTransport(source, { name, device, vendor, mmc, host }),
    readLocation(source, { name, device, places }),
  ]);
  return {
    name,
    device,
    bytes: sectors * 512,
    sectorBytes: sectorBytes ?? 512,
    removable: (await source.number(`${at}/removable`)) === 1,
    readonly: (await source.number(`${at}/ro`)) === 1,
    ...known({
      model: ata?.model ?? modelOf(vendor, nameOf(model) ?? (await source.line(`${at}/device/name`))),
      serial: serialOf(ata?.serial ?? (page80 && decodeVpdSerial(page80)) ?? serialThere ?? serialHere),
      wwn: lineOf((wwid ?? deviceWwid)?.replaceAll(/\s+/g, ' ')),
      rotational: rotational === undefined ? undefined : rotational === 1,
      transport,
      firmware: nameOf(ata?.firmware ?? firmware ?? rev),
      location,
    }),
  };
}

/** Virtio's vendor is a PCI number, libata's a word for all. */
const modelOf = (vendor: string | undefined, model: string | undefined): string | undefined =>
  model === undefined || vendor === undefined || vendor === 'ATA' || vendor.startsWith('0x')
    ? nameOf(model)
    : nameOf(`${vendor} ${model}`);

async function readTransport(
  source: Pick<Source, 'line' | 'names' | 'link'>,
  disk: {
    readonly name: string;
    readonly device: string;
    readonly vendor: string | undefined;
    readonly mmc: string | undefined;
    readonly host: string | undefined;
  },
): Promise<string | undefined> {
  const { name, device, vendor, mmc, host } = disk;
  const at = `/sys/block/${name}/device`;
  if (name.startsWith('nvme')) {
    // With several paths the device is a subsystem, and its controllers lie within.
    const [controller] = (await source.names(at)).filter((one) => /^nvme\d+$/.test(one));
    const own = await source.line(`${at}/transport`);
    return transportOf({
      name,
      device,
      nvme: own ?? (controller === undefined ? undefined : await source.line(`${at}/${controller}/transport`)),
    });
  }
  if (host === undefined) return transportOf({ name, device, vendor, mmc });
  const kinds: string[] = [];
  for (const kind of ['sas', 'fc', 'iscsi']) {
    if ((await source.names(`/sys/class/${kind}_host`)).includes(`host${host}`)) kinds.push(kind);
  }
  return transportOf({
    name,
    device,
    vendor,
    mmc,
    host: kinds,
    hostDriver: await source.line(`/sys/class/scsi_host/host${host}/proc_name`),
  });
}

/** A bay by its enclosure, a slot by the board's own names, else where it hangs: PCI address and SCSI address. */
async function readLocation(
  source: Pick<Source, 'names'>,
  disk: { readonly name: string; readonly device: string; readonly places: ReadonlyMap<string, string> },
): Promise<string | undefined> {
  const { name, device, places } = disk;
  const entries = await source.names(`/sys/block/${name}/device`);
  const bay = entries.find((one) => one.startsWith('enclosure_device:'))?.slice('enclosure_device:'.length);
  if (bay !== undefined) return lineOf(bay);
  const pci = device.match(/[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](?=\/|$)/g)?.at(-1);
  const slot = pci === undefined ? undefined : nameOf(places.get(pci));
  const scsi = /\/(\d+:\d+:\d+:\d+)$/.exec(device)?.[1];
  return lineOf([slot ?? (pci && `pci ${pci}`), scsi && `scsi ${scsi}`].filter(Boolean).join(', '));
}

async function readDiskSignatures(source: Source, disk: DiskFacts): Promise<readonly string[]> {
  if (disk.bytes === 0) return [];
  try {
    await using file = await open(join(source.host.root, 'dev', disk.name), constants.O_RDONLY | constants.O_NOFOLLOW);
    return await readSignatures(
      async (into, position) => {
        const { bytesRead } = await file.read(into, 0, into.length, position);
        if (bytesRead < into.length) throw new Error(`got ${bytesRead} bytes, want ${into.length}`);
      },
      disk.bytes,
      {
        sectorBytes: disk.sectorBytes,
        unread: (_, cause) => source.gap(`${disk.name}: ${UNREAD_DISK.parts}, more may be on it: ${reasonOf(cause)}`),
      },
    );
  } catch (error) {
    source.gap(`${disk.name}: ${UNREAD_DISK.all}: ${reasonOf(error)}`);
    return [];
  }
}
