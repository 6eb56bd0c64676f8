import type { Ipv4 } from '#machines/values/ip-address.ts';
import type { RelayInformation } from '../wire/relay-information.ts';

const MAX_RELAYS = 1024;

/**
 * Relays whose option 82 decided where answers go or which network is meant. When one of them stops adding it (its
 * configuration was lost, a switch was replaced), answers would go astray; so they are withheld, and the trace says why.
 */
export function relayHabits() {
  const needs = new Map<Ipv4, string>();

  return {
    /** Why this packet cannot be answered, or nothing. Learns from packets that have what they need. */
    complaint(giaddr: Ipv4, relay: RelayInformation | undefined): string | undefined {
      if (relay) {
        const need = needOf(relay);
        if (need === undefined) needs.delete(giaddr);
        else if (needs.get(giaddr) !== need && (needs.size < MAX_RELAYS || needs.has(giaddr))) needs.set(giaddr, need);
        return undefined;
      }
      const need = needs.get(giaddr);
      return need === undefined
        ? undefined
        : `relay ${giaddr} used to add option 82 with ${need}, and this packet has none`;
    },
  };
}

function needOf({ sourcePort, linkSelection, serverIdOverride }: RelayInformation): string | undefined {
  if (linkSelection !== undefined) return 'the link the client is on (82.5)';
  if (sourcePort) return 'the port to answer to (82.19)';
  if (serverIdOverride !== undefined) return 'the server identifier to use (82.11)';
  return undefined;
}
