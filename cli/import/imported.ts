import { isMachineMac, type MacAddress, parseMacAddress } from '#machines/values/mac-address.ts';
import { parseIpAddress } from '#machines/values/ip-address.ts';

/** One machine as another system knows it. `line` counts from 1. */
export type Imported = {
  readonly line: number;
  readonly name: string;
  readonly macs: readonly MacAddress[];
  readonly address?: string;
  /** More fields of a Machine document, as the file has them. */
  readonly more: Readonly<Record<string, unknown>>;
};

export type ImportIssue = { readonly line: number; readonly column: number; readonly text: string };

export type ImportResult = {
  readonly machines: readonly Imported[];
  readonly issues: readonly ImportIssue[];
  /** Lines that say nothing about a machine: expired leases, IPv6, virtual addresses. */
  readonly skipped: number;
};

/** A host name as a name of ours; without a usable one, the MAC names it as the daemon would. */
export function nameFor(hostname: string | undefined, mac: MacAddress): string {
  const name = (hostname ?? '')
    .toLowerCase()
    .split('.')[0]
    ?.replace(/[^a-z0-9-]/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  return name === undefined || name === '' ? `m-${mac.replaceAll(':', '')}` : name;
}

/** A lease of an IPv4 client with an Ethernet address; anything else is no machine for us. */
export function leaseOf(lease: {
  readonly line: number;
  readonly mac: string;
  readonly address: string;
  readonly hostname: string | undefined;
}): Imported | undefined {
  const mac = parseMacAddress(lease.mac);
  const address = parseIpAddress(lease.address);
  if (!mac.ok || !address.ok || !isMachineMac(mac.value)) return undefined;
  return {
    line: lease.line,
    name: nameFor(lease.hostname, mac.value),
    macs: [mac.value],
    address: address.value,
    more: {},
  };
}

/**
 * The newest entry of each MAC: lease files are journals. Two machines that say they have the same name are told apart
 * by their MACs.
 */
export function newest(leases: readonly Imported[]): readonly Imported[] {
  const byMac = new Map<string, Imported>();
  for (const lease of leases) byMac.set(lease.macs[0] ?? '', lease);
  const unique = [...byMac.values()];
  const times = new Map<string, number>();
  for (const { name } of unique) times.set(name, (times.get(name) ?? 0) + 1);
  return unique.map((lease) => {
    const [mac] = lease.macs;
    return (times.get(lease.name) ?? 0) > 1 && mac ? { ...lease, name: nameFor(undefined, mac) } : lease;
  });
}
