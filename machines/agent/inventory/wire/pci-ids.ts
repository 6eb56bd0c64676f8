/** Names of PCI vendors and their devices, by four lower-case hexadecimal digits each. */
export type PciNames = ReadonlyMap<string, { readonly name: string; readonly devices: ReadonlyMap<string, string> }>;

/**
 * Reads `pci.ids`: a vendor at the start of a line, its devices after one tab, subsystems after two. The classes after
 * them begin with a `C`. Only vendors that are `wanted` are kept: the file has forty thousand lines.
 */
export function decodePciIds(text: string, wanted: ReadonlySet<string>): PciNames {
  const names = new Map<string, { name: string; devices: Map<string, string> }>();
  let vendor: { name: string; devices: Map<string, string> } | undefined;
  for (const line of text.split('\n')) {
    const top = /^([0-9a-f]{4}) {2}(.+)$/.exec(line);
    if (top) {
      const [, id = '', name = ''] = top;
      vendor = wanted.has(id) ? { name: name.trim(), devices: new Map() } : undefined;
      if (vendor) names.set(id, vendor);
      continue;
    }
    if (vendor === undefined) continue;
    const device = /^\t([0-9a-f]{4}) {2}(.+)$/.exec(line);
    if (device) vendor.devices.set(device[1] ?? '', (device[2] ?? '').trim());
    else if (line.startsWith('C ')) break;
  }
  return names;
}
