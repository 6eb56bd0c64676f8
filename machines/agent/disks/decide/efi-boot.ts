/** A boot entry of the firmware. Numbers are four hexadecimal digits in capitals, as they are shown everywhere. */
export type BootEntry = { readonly number: string; readonly label: string; readonly path: string };
export type BootEntries = {
  /** The one that this very boot came by. */
  readonly current: string | undefined;
  readonly order: readonly string[];
  readonly entries: readonly BootEntry[];
};

/** A loader on a disk: the partition by the GPT's number and GUID, the file as firmware writes it. */
export type Loader = {
  readonly partition: number;
  readonly partitionGuid: string;
  /** `\EFI\BOOT\BOOTX64.EFI` */
  readonly file: string;
  /** The path is one that firmware finds without any entry (UEFI 2.10 §3.5.1.1), or such a file is beside it. */
  readonly removable: boolean;
};

/** Every entry that we make begins so: only those are ever removed for their name. */
export const LABEL_PREFIX = 'ingot: ';

/** What `efibootmgr -v` says. */
export function readEfibootmgr(text: string): BootEntries {
  const lines = text.split('\n');
  const field = (name: string): string | undefined =>
    lines
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2)
      .trim();
  const entries = lines.flatMap((line) => {
    const match = /^Boot([0-9A-Fa-f]{4})[* ] ([^\t]*)(?:\t(.*))?$/.exec(line);
    if (!match) return [];
    const [, number = '', label = '', path = ''] = match;
    return [{ number: number.toUpperCase(), label: label.trim(), path: path.trim() }];
  });
  const order = (field('BootOrder') ?? '').split(',').filter((one) => /^[0-9A-Fa-f]{4}$/.test(one));
  return { current: field('BootCurrent')?.toUpperCase(), order: order.map((one) => one.toUpperCase()), entries };
}

/** Entries that a new one takes the place of: those of an earlier installation of ours, and any of the same loader. */
export function outdated({ entries }: BootEntries, { partitionGuid, file }: Loader): readonly BootEntry[] {
  const same = (path: string): boolean => {
    const low = path.toLowerCase();
    // libefivar writes File(\EFI\…) for a path, and since version 38 the bare path too.
    return low.includes(`,gpt,${partitionGuid.toLowerCase()}`) && low.includes(file.toLowerCase());
  };
  return entries.filter(({ label, path }) => label.startsWith(LABEL_PREFIX) || same(path));
}

const fromNetwork = ({ label, path }: BootEntry): boolean =>
  /(^|\/)(MAC|IPv4|IPv6|Uri|URI)\(/.test(path) || /\b(pxe|http boot|network)/i.test(label);

/**
 * The order with a new entry in it: behind the network entries that come first, in front of everything else. A machine
 * that asks the network first keeps asking, and is sent on to its disk; what stood in front of whom stays so.
 */
export function orderWith({ order, entries }: BootEntries, number: string): readonly string[] {
  const rest = order.filter((one) => one !== number);
  const isNetwork = (one: string): boolean => entries.some((entry) => entry.number === one && fromNetwork(entry));
  const place = rest.findIndex((one) => !isNetwork(one));
  const at = place < 0 ? rest.length : place;
  return [...rest.slice(0, at), number, ...rest.slice(at)];
}

/** The first line of a BOOT*.CSV that names a loader: `shimx64.efi,debian,,…` in UTF-16, as the shim's fallback has it. */
export function readBootCsv(bytes: Uint8Array): { readonly loader: string; readonly label: string } | undefined {
  const wide = bytes[1] === 0 || (bytes[0] === 0xff && bytes[1] === 0xfe);
  const text = new TextDecoder(wide ? 'utf-16le' : 'utf-8').decode(bytes);
  for (const line of text.split(/\r?\n/)) {
    const [loader = '', label = ''] = line.split(',').map((one) => one.trim());
    if (/^[\w.-]{1,64}\.efi$/i.test(loader)) return { loader, label };
  }
  return undefined;
}
