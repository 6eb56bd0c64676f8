import { ANY_IPV4, BROADCAST_IPV4, type Ipv4 } from '#machines/values/ip-address.ts';
import type { Dhcp4Message } from '../wire/message.ts';
import { getOption, makeOptions, rawOption, withRawOption } from '../wire/options.ts';
import type { Destination, Ports } from './destination.ts';
import { type IngotMarker, MARKER_OPTION, PROBE_CLASS, readMarker, writeMarker } from './ingot-marker.ts';

export const isProbe = ({ options }: Dhcp4Message): boolean => getOption(options, 'vendorClass') === PROBE_CLASS;

/** The marker to another Ingot's question, or to doctor's; nothing to our own. It leases nothing. */
export function probeReply(
  message: Dhcp4Message,
  { self, serverId, ports }: { readonly self: IngotMarker; readonly serverId: Ipv4; readonly ports: Ports },
): { readonly message: Dhcp4Message; readonly to: Destination } | undefined {
  if (message.giaddr !== ANY_IPV4) return undefined;
  if (readMarker(rawOption(message.options, MARKER_OPTION))?.id === self.id) return undefined;
  const options = makeOptions({ messageType: 'OFFER', serverId });
  return {
    message: { ...message, op: 2, hops: 0, secs: 0, options: withRawOption(options, MARKER_OPTION, writeMarker(self)) },
    to: { address: BROADCAST_IPV4, port: ports.client },
  };
}
