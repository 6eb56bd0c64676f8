import { type Ipv4, parseIpv4 } from '../../values/ip-address.ts';

export type StaticNetwork = {
  readonly address: Ipv4;
  readonly prefixLength: number;
  readonly gateway?: Ipv4;
  readonly dns: readonly Ipv4[];
};

type Result =
  | { readonly ok: true; readonly network?: StaticNetwork }
  | { readonly ok: false; readonly because: string };

/**
 * The kernel's `ip=ADDRESS:SERVER:GATEWAY:MASK:NAME:DEVICE:PROTOCOL:DNS:DNS` (Documentation/admin-guide/nfs/nfsroot).
 * `dhcp` and the other words for it give no network, which means to ask DHCP.
 */
export function staticNetwork(text: string): Result {
  const [address = '', , gateway = '', mask = '', , , protocol = '', ...dns] = text.split(':');
  if (/^(?:dhcp|on|any|both|bootp|auto6?)?$/.test(address)) return { ok: true };
  if (protocol !== '' && !/^(?:none|off|static)$/.test(protocol)) return { ok: true };
  const own = parseIpv4(address);
  if (!own.ok) return { ok: false, because: own.because };
  const prefixLength = prefixOf(mask);
  if (prefixLength === undefined) return { ok: false, because: `mask is ${JSON.stringify(mask)}, want 255.255.255.0` };
  const router = gateway === '' ? undefined : parseIpv4(gateway);
  if (router?.ok === false) return { ok: false, because: `gateway: ${router.because}` };
  const servers = dns.slice(0, 2).flatMap((server) => {
    const result = parseIpv4(server);
    return result.ok ? [result.value] : [];
  });
  return {
    ok: true,
    network: { address: own.value, prefixLength, ...(router ? { gateway: router.value } : {}), dns: servers },
  };
}

/** Of a mask in dotted form, whose ones must stand before its zeros, or of a bare number. */
export function prefixOf(mask: string): number | undefined {
  if (/^\d{1,2}$/.test(mask)) return Number(mask) <= 32 ? Number(mask) : undefined;
  const parts = parseIpv4(mask);
  if (!parts.ok) return undefined;
  const bits = mask
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(bits) ? (bits.indexOf('0') < 0 ? 32 : bits.indexOf('0')) : undefined;
}
