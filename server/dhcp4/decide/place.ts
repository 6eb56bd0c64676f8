import type { SilenceCode } from '#machines/contract/trace.ts';
import type { Discovery } from '#machines/decide/boot-plan.ts';
import { ANY_IPV4 } from '#machines/values/ip-address.ts';
import type { Dhcp4Message } from '../wire/message.ts';
import type { RelayInformation } from '../wire/relay-information.ts';
import type { Arrival, InterfaceLink } from './arrival.ts';
import { contains, type Network, type Networks } from './network.ts';
import { selectNetwork } from './select-network.ts';
import { ipv4ToNumber } from '#machines/values/ip-address.ts';

/** What is configured for where a client is. */
export type Place =
  | {
      readonly kind: 'served';
      readonly mode: 'server' | 'proxy';
      /** A proxy needs none on its own link. */
      readonly network: Network | undefined;
      readonly discovery: Discovery;
    }
  | { readonly kind: 'silent'; readonly code: SilenceCode; readonly because: string };

/**
 * Direct packets follow the interface, relayed ones and unicasts from behind a router the subnet: an interface in proxy
 * mode may well be the way to subnets that are leased from here.
 */
export function placeOf(
  message: Dhcp4Message,
  relay: RelayInformation | undefined,
  arrival: Arrival,
  networks: Networks,
): Place {
  const selection = selectNetwork(message, relay, arrival, networks);
  const { link } = arrival;
  const direct = message.giaddr === ANY_IPV4 && link !== undefined;
  if (selection.kind === 'unknown') {
    if (direct && link.mode === 'proxy') {
      return { kind: 'served', mode: 'proxy', network: undefined, discovery: link.discovery };
    }
    return { kind: 'silent', code: 'unknown-subnet', because: selection.because };
  }
  const { network } = selection;
  const { mode, discovery } = direct && isOnLink(network, link) ? link : network.document;
  if (mode === 'off') return { kind: 'silent', code: 'ignored', because: `subnet ${network.name} is off` };
  return { kind: 'served', mode, network, discovery };
}

/** A proxy's link whose subnet is not configured has no other subnet's mode either. */
const isOnLink = (network: Network, link: InterfaceLink): boolean =>
  link.addresses.some(({ address }) => contains(network, ipv4ToNumber(address)));
