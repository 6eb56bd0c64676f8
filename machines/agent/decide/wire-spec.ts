import { ipv4ToBytes, parseIpv4, parseIpv6 } from '../../values/ip-address.ts';
import { type MacAddress, macToBytes } from '../../values/mac-address.ts';

type Spec = Readonly<Record<string, unknown>>;

/** A spec as its protobuf has it: addresses, which YAML has as text, are bytes there. The rest is the same. */
export function wireSpec(spec: Spec): Spec {
  return Object.fromEntries(
    Object.entries(spec).map(([key, value]) => {
      if (typeof value !== 'string') return [key, value];
      if (key === 'hardwareAddr' || key === 'permanentAddr') return [key, macToBytes(value as MacAddress)];
      const prefix = key === 'address' ? prefixOf(value) : undefined;
      return [key, prefix ?? value];
    }),
  );
}

function prefixOf(text: string): { readonly ip: Uint8Array; readonly prefix_length: number } | undefined {
  const [address = '', length = ''] = text.split('/');
  const ip = addressBytes(address);
  return ip && { ip, prefix_length: Number(length) };
}

function addressBytes(text: string): Uint8Array | undefined {
  const four = parseIpv4(text);
  if (four.ok) return ipv4ToBytes(four.value);
  const six = parseIpv6(text);
  if (!six.ok) return undefined;
  // RFC 4291 section 2.2: at most one `::` stands for as many zero groups as are missing.
  const [head = '', tail] = six.value.split('::');
  const left = head.split(':').filter(Boolean);
  const right = (tail ?? '').split(':').filter(Boolean);
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return Uint8Array.from(
    groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]),
  );
}
