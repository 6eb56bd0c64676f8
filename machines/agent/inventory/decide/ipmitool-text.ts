import { ANY_IPV4, parseIpAddress } from '../../../values/ip-address.ts';
import { isMachineMac, parseMacAddress } from '../../../values/mac-address.ts';

/** `KEY : VALUE` lines of ipmitool; the first of a key counts, since lists go on under it without one. */
function values(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^(\S[^:]*?)\s*: (.*)$/.exec(line);
    const [, key = '', value = ''] = match ?? [];
    if (match && !found.has(key)) found.set(key, value.trim());
  }
  return found;
}

/** `ipmitool lan print`: where the BMC is on the network; nothing where it has no address. */
export function readLanPrint(text: string): { readonly address?: string; readonly mac?: string } {
  const found = values(text);
  const address = parseIpAddress(found.get('IP Address') ?? '');
  const mac = parseMacAddress(found.get('MAC Address') ?? '');
  return {
    ...(address.ok && address.value !== ANY_IPV4 ? { address: address.value } : {}),
    ...(mac.ok && isMachineMac(mac.value) ? { mac: mac.value } : {}),
  };
}

/** `ipmitool mc info`: what the BMC is. */
export function readMcInfo(text: string): { readonly model?: string; readonly version?: string } {
  const found = values(text);
  const known = (key: string): string | undefined => {
    const value = found.get(key);
    return value === undefined || /^unknown/i.test(value) ? undefined : value;
  };
  const model = [known('Manufacturer Name'), known('Product Name')?.replace(/ \(0x[0-9a-f]+\)$/i, '')]
    .filter((part) => part !== undefined)
    .join(' ');
  const version = known('Firmware Revision');
  return { ...(model === '' ? {} : { model }), ...(version === undefined ? {} : { version }) };
}
