import { type Ipv4, ipv4FromNumber } from '#machines/values/ip-address.ts';
import { type MacAddress, parseMacAddress } from '#machines/values/mac-address.ts';
import { parseUuid, type Uuid } from '#machines/values/uuid.ts';

/** What a file name says about the machine that asks for it. */
export type MappedName =
  | { readonly kind: 'plain'; readonly path: string }
  /** `rest` is the name without the machine: `pxelinux.cfg`, `grub/grub.cfg`, `start.elf`. */
  | { readonly kind: 'machine'; readonly key: MachineKey; readonly rest: string };

export type MachineKey =
  | { readonly by: 'mac'; readonly mac: MacAddress }
  | { readonly by: 'uuid'; readonly uuid: Uuid }
  /** Raspberry Pi: the last eight hex digits of its serial number, lower case. */
  | { readonly by: 'serial'; readonly serial: string }
  | { readonly by: 'ip'; readonly ip: Ipv4 };

/**
 * Finds the machine in a normalised name.
 *
 * - PXELINUX and U-Boot's `pxe get`: `pxelinux.cfg/` + UUID, `01-` + MAC with dashes, IPv4 as eight hex digits.
 * - GRUB 2: `grub.cfg-` + the same three.
 * - Raspberry Pi: a first directory of eight hex digits (TFTP_PREFIX 0) or a MAC with dashes (TFTP_PREFIX 2).
 * - A first directory that is a MAC with colons, as other boot servers offer it.
 *
 * The shorter IP forms (`C0A84D`) and `default` name a set of machines, so they are plain.
 */
export function mapName(path: string): MappedName {
  const parts = path.split('/');
  const file = parts.at(-1) ?? '';
  const directory = parts.slice(0, -1);
  const plain: MappedName = { kind: 'plain', path };

  if (directory.at(-1) === 'pxelinux.cfg') {
    const key = configKey(file);
    return key ? { kind: 'machine', key, rest: directory.join('/') } : plain;
  }
  const grub = /^(grub\.cfg)-(.+)$/.exec(file);
  if (grub) {
    const key = configKey(grub[2] ?? '');
    return key ? { kind: 'machine', key, rest: [...directory, 'grub.cfg'].join('/') } : plain;
  }
  const [first = '', ...rest] = parts;
  const key = rest.length > 0 ? directoryKey(first) : undefined;
  return key ? { kind: 'machine', key, rest: rest.join('/') } : plain;
}

function configKey(text: string): MachineKey | undefined {
  // 01 is the ARP hardware type of Ethernet; other types have no MAC of ours.
  if (text.startsWith('01-')) return macKey(text.slice(3));
  if (/^[0-9A-Fa-f]{8}$/.test(text)) return { by: 'ip', ip: ipv4FromNumber(Number.parseInt(text, 16)) };
  const uuid = parseUuid(text);
  return uuid.ok ? { by: 'uuid', uuid: uuid.value } : undefined;
}

function directoryKey(text: string): MachineKey | undefined {
  return /^[0-9a-f]{8}$/.test(text) ? { by: 'serial', serial: text } : macKey(text);
}

/** Only the notations that carry separators: twelve bare hex digits are as likely a digest or a build number. */
function macKey(text: string): MachineKey | undefined {
  if (!/^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$/.test(text)) return undefined;
  const mac = parseMacAddress(text);
  return mac.ok ? { by: 'mac', mac: mac.value } : undefined;
}
