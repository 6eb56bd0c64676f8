/** A file of a volume: its path with `/`, no leading one. */
export type VolumeFile = { readonly path: string; readonly content: Uint8Array };

export type VolumeParts = {
  readonly bytes: number;
  /** The disk's logical sectors: the kernel mounts no volume with smaller ones. */
  readonly sectorBytes: number;
  /** Up to eleven letters, which FAT has in capitals. */
  readonly label: string;
  /** Any 32 bits. */
  readonly serial: number;
  readonly files: readonly VolumeFile[];
};

const FATS = 2;
const ROOT_ENTRIES = 512;
const ENTRY_BYTES = 32;
/** Fewer clusters make a FAT12, more a FAT32, whatever the record says (Microsoft's FAT specification 1.03, "FAT type determination"). */
const MIN_CLUSTERS = 4085;
const MAX_CLUSTERS = 65_524;
const FIXED_DISK = 0xf8;
const END_OF_CHAIN = 0xffff;
const DIRECTORY = 0x10;
const VOLUME_LABEL = 0x08;
const LONG_NAME = 0x0f;
const LONG_NAME_UNITS = 13;
/** 1980-01-01, the beginning of FAT's time: a volume has the same bytes whenever it is made. */
const FIRST_DATE = 0x21;

type Node = { readonly name: string; readonly children: Map<string, Node>; content: Uint8Array | undefined };

/**
 * A small FAT16 volume as its bytes from the first sector to the last that holds anything; what follows is free, and may
 * hold whatever it held. The same parts give the same bytes. Throws where a name cannot be, or the files do not fit.
 */
export function encodeFat16({ bytes, sectorBytes, label, serial, files }: VolumeParts): Uint8Array {
  const shape = shapeOf(bytes, sectorBytes);
  const root = treeOf(files);
  const fat = new Uint16Array(shape.clusters + 2);
  fat.set([0xff00 | FIXED_DISK, END_OF_CHAIN]);
  const clusters: { readonly at: number; readonly content: Uint8Array }[] = [];
  let next = 2;
  /** Its first cluster; an empty file has none. */
  function keep(content: Uint8Array): number {
    if (content.length === 0) return 0;
    const count = Math.ceil(content.length / shape.clusterBytes);
    const first = next;
    if (first + count > shape.clusters + 2) throw new Error(`the files do not fit into ${bytes} bytes`);
    for (let index = 0; index < count; index++)
      fat[first + index] = index === count - 1 ? END_OF_CHAIN : first + index + 1;
    clusters.push({ at: first, content });
    next += count;
    return first;
  }
  /** A folder is written after its children, which it names by their clusters; they name it by `..`. */
  function folder(node: Node, parent: number): number {
    const rows = [...node.children.values()].reduce((sum, one) => sum + rowsOf(one.name), 2);
    // Taken before the children take theirs: `..` of a child says where its parent lies.
    const place = new Uint8Array(Math.ceil((rows * ENTRY_BYTES) / shape.clusterBytes) * shape.clusterBytes);
    const own = keep(place);
    place.set([...dot('.', own), ...dot('..', parent), ...rowsFor(node, own)]);
    return own;
  }
  function rowsFor(node: Node, own: number): number[] {
    const taken = new Set<string>();
    return [...node.children.values()].flatMap((child) => {
      const short = shortNameOf(child.name, taken);
      const cluster = child.content === undefined ? folder(child, own) : keep(child.content);
      return [
        ...longRows(child.name, short),
        ...entry(short, child.content === undefined ? DIRECTORY : 0x20, cluster, child.content?.length ?? 0),
      ];
    });
  }
  const name = label.toUpperCase().padEnd(11);
  if (!/^[A-Z0-9_-][A-Z0-9_ -]{10}$/.test(name))
    throw new Error(`${JSON.stringify(label)} is no label of a FAT volume`);
  const rootRows = [...entry(name, VOLUME_LABEL, 0, 0), ...rowsFor(root, 0)];
  if (rootRows.length > ROOT_ENTRIES * ENTRY_BYTES) throw new Error('too many files in the root of a FAT volume');

  const volume = new Uint8Array(shape.dataAt + (next - 2) * shape.clusterBytes);
  volume.set(bootSector(shape, name, serial));
  const table = new DataView(volume.buffer);
  for (let copy = 0; copy < FATS; copy++) {
    const at = (1 + copy * shape.fatSectors) * sectorBytes;
    for (let index = 0; index < next; index++) table.setUint16(at + index * 2, fat[index] ?? 0, true);
  }
  volume.set(rootRows, shape.rootAt);
  for (const { at, content } of clusters) volume.set(content, shape.dataAt + (at - 2) * shape.clusterBytes);
  return volume;
}

type Shape = ReturnType<typeof shapeOf>;

function shapeOf(bytes: number, sectorBytes: number) {
  const sectors = Math.floor(bytes / sectorBytes);
  const rootSectors = Math.ceil((ROOT_ENTRIES * ENTRY_BYTES) / sectorBytes);
  for (let perCluster = 1; perCluster <= 64; perCluster *= 2) {
    // A table for all sectors is a little too long for those that it takes away itself.
    const fatSectors = Math.ceil(((Math.floor(sectors / perCluster) + 2) * 2) / sectorBytes);
    const dataSector = 1 + FATS * fatSectors + rootSectors;
    const clusters = Math.floor((sectors - dataSector) / perCluster);
    if (clusters > MAX_CLUSTERS) continue;
    if (clusters < MIN_CLUSTERS) break;
    return {
      sectors,
      sectorBytes,
      perCluster,
      clusterBytes: perCluster * sectorBytes,
      fatSectors,
      clusters,
      rootAt: (1 + FATS * fatSectors) * sectorBytes,
      dataAt: dataSector * sectorBytes,
    };
  }
  throw new Error(`no FAT16 has ${bytes} bytes in sectors of ${sectorBytes}`);
}

/** BIOS parameter block and extended boot record, in the order of the specification. */
function bootSector(
  { sectors, sectorBytes, perCluster, fatSectors }: Shape,
  label: string,
  serial: number,
): Uint8Array {
  const sector = new Uint8Array(sectorBytes);
  const view = new DataView(sector.buffer);
  const text = (at: number, value: string): void => sector.set(new TextEncoder().encode(value), at);
  sector.set([0xeb, 0x3c, 0x90]);
  text(3, 'INGOT   ');
  view.setUint16(11, sectorBytes, true);
  view.setUint8(13, perCluster);
  view.setUint16(14, 1, true); // reserved sectors: this one
  view.setUint8(16, FATS);
  view.setUint16(17, ROOT_ENTRIES, true);
  view.setUint16(19, sectors < 0x1_0000 ? sectors : 0, true);
  view.setUint8(21, FIXED_DISK);
  view.setUint16(22, fatSectors, true);
  view.setUint16(24, 63, true); // sectors of a track, heads: as everybody says of large disks
  view.setUint16(26, 255, true);
  view.setUint32(32, sectors < 0x1_0000 ? 0 : sectors, true);
  view.setUint8(36, 0x80); // the BIOS' number of a fixed disk
  view.setUint8(38, 0x29); // the three fields that follow are there
  view.setUint32(39, serial, true);
  text(43, label);
  text(54, 'FAT16   ');
  sector.set([0x55, 0xaa], 510);
  return sector;
}

function treeOf(files: readonly VolumeFile[]): Node {
  const root: Node = { name: '', children: new Map(), content: undefined };
  for (const { path, content } of files) {
    const names = path.split('/');
    let node = root;
    for (const [index, name] of names.entries()) {
      if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(name) || name.endsWith('.')) {
        throw new Error(`${JSON.stringify(path)} is no path on a FAT volume`);
      }
      if (node.content !== undefined) throw new Error(`${node.name} is a file and a folder`);
      // FAT knows no case.
      const key = name.toLowerCase();
      const last = index === names.length - 1;
      const known = node.children.get(key);
      if (known && (last || known.name !== name)) throw new Error(`${JSON.stringify(path)} is there twice`);
      const child: Node = known ?? { name, children: new Map(), content: last ? content : undefined };
      node.children.set(key, child);
      node = child;
    }
  }
  return root;
}

const rowsOf = (name: string): number => 1 + Math.ceil(name.length / LONG_NAME_UNITS);

function entry(short: string, attributes: number, cluster: number, size: number): readonly number[] {
  const row = new Uint8Array(ENTRY_BYTES);
  const view = new DataView(row.buffer);
  row.set(new TextEncoder().encode(short));
  view.setUint8(11, attributes);
  view.setUint16(16, FIRST_DATE, true);
  view.setUint16(18, FIRST_DATE, true);
  view.setUint16(24, FIRST_DATE, true);
  view.setUint16(26, cluster, true);
  view.setUint32(28, size, true);
  return [...row];
}

const dot = (name: string, cluster: number): readonly number[] => entry(name.padEnd(11), DIRECTORY, cluster, 0);

/** A name of its own in 8.3, `NAME~1` where the long one is none. */
function shortNameOf(name: string, taken: Set<string>): string {
  const at = name.lastIndexOf('.');
  const clean = (text: string): string => text.toUpperCase().replaceAll('.', '');
  const base = clean(at > 0 ? name.slice(0, at) : name);
  const extension = clean(at > 0 ? name.slice(at + 1) : '').slice(0, 3);
  for (let number = 1; ; number++) {
    const tail = `~${number}`;
    const short = (base.slice(0, 8 - tail.length) + tail).padEnd(8) + extension.padEnd(3);
    if (taken.has(short)) continue;
    taken.add(short);
    return short;
  }
}

/** The rows that hold a long name, the last piece first, each with the checksum of the short one. */
function longRows(name: string, short: string): number[] {
  let sum = 0;
  for (let index = 0; index < 11; index++) sum = (((sum & 1) << 7) + (sum >> 1) + short.charCodeAt(index)) & 0xff;
  const count = Math.ceil(name.length / LONG_NAME_UNITS);
  const places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
  const rows: number[] = [];
  for (let order = count; order > 0; order--) {
    const row = new Uint8Array(ENTRY_BYTES);
    const view = new DataView(row.buffer);
    view.setUint8(0, order | (order === count ? 0x40 : 0));
    view.setUint8(11, LONG_NAME);
    view.setUint8(13, sum);
    for (const [index, place] of places.entries()) {
      const unit = (order - 1) * LONG_NAME_UNITS + index;
      // Ended by a zero, and filled up with ones behind it.
      const value = unit < name.length ? name.charCodeAt(unit) : unit === name.length ? 0 : 0xffff;
      view.setUint16(place, value, true);
    }
    rows.push(...row);
  }
  return rows;
}
