import { type Cidr4, formatCidr4 } from '#machines/values/cidr.ts';
import { ipv4FromNumber, ipv4ToNumber } from '#machines/values/ip-address.ts';
import type { DiscoveredBmc } from '#machines/contract/api/bmc-resource.ts';
import { BmcError } from './contract.ts';

/** 4,096 addresses: a management network; larger is a typing error. */
export const MIN_PREFIX = 20;
const AT_ONCE = 64;
/** A BMC that is there answers its root within this; a network of dead addresses takes one wait for each 64. */
const PROBE_MS = 3000;
const USUAL_PORT = 443;

/** What anybody may ask a BMC, without a credential. */
export type Probes = {
  /** Rejects where there is no Redfish service. */
  redfish(
    address: string,
    signal: AbortSignal,
  ): Promise<{
    readonly address: string;
    readonly vendor?: string;
    readonly product?: string;
    readonly uuid?: string;
    readonly version?: string;
    readonly fingerprint: string;
    readonly subject: string;
    readonly validTo: string;
  }>;
  /** RMCP presence ping: whether something answers it. */
  rmcp(address: string, signal: AbortSignal): Promise<boolean>;
};

/** Why a network is not searched. */
export function searchRefusal(cidr: Cidr4): string | undefined {
  if (cidr.bits >= MIN_PREFIX) return undefined;
  const size = (2 ** (32 - cidr.bits)).toLocaleString('en');
  return `${formatCidr4(cidr)} is ${size} addresses, want /${MIN_PREFIX} at most (${(2 ** (32 - MIN_PREFIX)).toLocaleString('en')}): search its parts`;
}

/**
 * Asks every address of a network whether it is a BMC, by Redfish's service root and by RMCP's presence ping. No
 * credential is sent. Gives those that are, in the order of their addresses, Redfish before IPMI.
 */
export async function discover(
  cidr: Cidr4,
  parts: { readonly probes: Probes; readonly ports?: readonly number[]; readonly signal: AbortSignal },
): Promise<{ readonly asked: number; readonly found: readonly DiscoveredBmc[] }> {
  const { probes, ports = [USUAL_PORT], signal } = parts;
  const base = ipv4ToNumber(cidr.base);
  const size = 2 ** (32 - cidr.bits);
  // The network's own and its broadcast address are nobody's, except where there is no room for them.
  const inner = cidr.bits <= 30 ? { first: base + 1, last: base + size - 2 } : { first: base, last: base + size - 1 };
  const found: (readonly DiscoveredBmc[])[] = [];
  let next = inner.first;

  async function search(): Promise<void> {
    while (next <= inner.last) {
      signal.throwIfAborted();
      const at = next;
      next += 1;
      found[at - inner.first] = await probe(ipv4FromNumber(at));
    }
  }

  async function probe(ip: string): Promise<readonly DiscoveredBmc[]> {
    const within = <T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> =>
      ask(AbortSignal.any([signal, AbortSignal.timeout(PROBE_MS)])).catch((error: unknown) => {
        if (signal.aborted) throw signal.reason;
        if (error instanceof BmcError || error instanceof DOMException) return undefined;
        throw error;
      });
    const [rmcp, ...redfish] = await Promise.all([
      within((inside) => probes.rmcp(ip, inside)),
      ...ports.map((port) =>
        within((inside) => probes.redfish(`https://${ip}${port === USUAL_PORT ? '' : `:${port}`}`, inside)),
      ),
    ]);
    return [
      ...redfish.flatMap((one) => {
        if (!one) return [];
        const { address, vendor, product, version, uuid, fingerprint, subject, validTo } = one;
        const bmc: DiscoveredBmc = {
          address,
          type: 'redfish',
          ...(vendor === undefined ? {} : { vendor }),
          ...(product === undefined ? {} : { product }),
          ...(version === undefined ? {} : { version }),
          ...(uuid === undefined ? {} : { uuid }),
          ...(fingerprint === '' ? {} : { certificate: { sha256: fingerprint, subject, validTo } }),
        };
        return [bmc];
      }),
      ...(rmcp === true ? [{ address: ip, type: 'ipmi' } as const] : []),
    ];
  }

  await Promise.all(Array.from({ length: AT_ONCE }, search));
  return { asked: size === 1 ? 1 : inner.last - inner.first + 1, found: found.flat() };
}
