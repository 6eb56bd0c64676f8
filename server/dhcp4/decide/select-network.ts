import { ANY_IPV4, type Ipv4, ipv4ToNumber } from '#machines/values/ip-address.ts';
import type { Dhcp4Message } from '../wire/message.ts';
import { getOption } from '../wire/options.ts';
import type { RelayInformation } from '../wire/relay-information.ts';
import type { Arrival } from './arrival.ts';
import { contains, type Network, networkOf, type Networks } from './network.ts';

export type Selection =
  | {
      readonly kind: 'network';
      readonly network: Network;
      readonly by: 'link-selection' | 'subnet-selection' | 'relay' | 'giaddr' | 'ciaddr' | 'source' | 'interface';
    }
  | { readonly kind: 'unknown'; readonly because: string };

/**
 * Which network the client is on. The order is Kea's: link selection of the relay (RFC 3527), subnet selection of the
 * client (RFC 3011), the relay as configured, giaddr, ciaddr, the source address, the interface.
 *
 * One deviation: a broadcast on an interface is on that interface's network whatever its ciaddr says. A machine that
 * was moved rebinds with the address of its old network, and must hear that this is not it.
 */
export function selectNetwork(
  message: Dhcp4Message,
  relay: RelayInformation | undefined,
  arrival: Arrival,
  networks: Networks,
): Selection {
  const { giaddr, ciaddr } = message;
  if (giaddr !== ANY_IPV4) return ofRelayed(message, relay, networks);
  const wanted = getOption(message.options, 'subnetSelection');
  if (wanted !== undefined) return named(networks, wanted, 'subnet-selection');
  if (arrival.cast === 'broadcast' && arrival.link) return ofInterface(arrival, hintOf(message), networks);
  if (ciaddr !== ANY_IPV4) {
    const network = networkOf(networks, ciaddr);
    if (network) return { kind: 'network', network, by: 'ciaddr' };
  }
  if (arrival.source.address !== ANY_IPV4) {
    const network = networkOf(networks, arrival.source.address);
    if (network) return { kind: 'network', network, by: 'source' };
  }
  return ofInterface(arrival, hintOf(message), networks);
}

/**
 * Is this relay one of ours to believe? Anyone on a link can write option 82; what it says decides something only if the
 * packet came from a relay that is configured, or stands in a configured network.
 */
export const isKnownRelay = (giaddr: Ipv4, networks: Networks): boolean =>
  giaddr !== ANY_IPV4 && (networks.byRelay.has(giaddr) || networkOf(networks, giaddr) !== undefined);

function ofRelayed(message: Dhcp4Message, relay: RelayInformation | undefined, networks: Networks): Selection {
  const { giaddr } = message;
  if (relay?.linkSelection !== undefined && isKnownRelay(giaddr, networks)) {
    return named(networks, relay.linkSelection, 'link-selection');
  }
  const wanted = getOption(message.options, 'subnetSelection');
  if (wanted !== undefined) return named(networks, wanted, 'subnet-selection');
  const configured = networks.byRelay.get(giaddr);
  if (configured) return best(configured, hintOf(message), 'relay') ?? unknown(`relay ${giaddr} is in no subnet`);
  const network = networkOf(networks, giaddr);
  if (network) return { kind: 'network', network, by: 'giaddr' };
  return unknown(`relay ${giaddr} is in no configured subnet, and no subnet lists it among its relays`);
}

function named(networks: Networks, ip: Ipv4, by: 'link-selection' | 'subnet-selection'): Selection {
  const network = networkOf(networks, ip);
  return network ? { kind: 'network', network, by } : unknown(`${by} names ${ip}, which is in no configured subnet`);
}

function ofInterface({ link }: Arrival, hint: Ipv4 | undefined, networks: Networks): Selection {
  if (!link)
    return unknown('it came to a socket for relayed packets, without giaddr and without an address of its own');
  const here = link.addresses.flatMap(({ address }) => networkOf(networks, address) ?? []);
  return best(here, hint, 'interface') ?? unknown(`no configured subnet holds an address of ${link.name}`);
}

/** Several networks may share a link: the one that the client speaks of, else the first. */
function best(
  candidates: readonly Network[],
  hint: Ipv4 | undefined,
  by: 'relay' | 'interface',
): Selection | undefined {
  const number = hint === undefined ? undefined : ipv4ToNumber(hint);
  const network = (number === undefined ? undefined : candidates.find((one) => contains(one, number))) ?? candidates[0];
  return network && { kind: 'network', network, by };
}

const hintOf = ({ ciaddr, options }: Dhcp4Message): Ipv4 | undefined =>
  ciaddr === ANY_IPV4 ? getOption(options, 'requestedAddress') : ciaddr;

const unknown = (because: string): Selection => ({ kind: 'unknown', because });
