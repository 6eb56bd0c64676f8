import { DEFAULT_MAX_BYTES } from './layout.ts';
import { type Dhcp4Options, getOption } from './options.ts';

const HEADERS = 28;
const LEAST_DATAGRAM = 576;
const ETHERNET_MTU = 1500;

/**
 * The largest UDP payload to answer a request with (RFC 2132 §9.10): what option 57 says, never less than every client
 * must take and never so much that the answer is fragmented, since ROMs do not reassemble.
 *
 * OVMF says 1472 in its DISCOVER and 65280 in its REQUEST: another of its drivers writes that one, 255 in the wrong byte
 * order. So the number is a wish and the bounds are what counts.
 */
export function maxReplyBytes(request: Dhcp4Options): number {
  const asked = getOption(request, 'maxMessageSize');
  if (asked === undefined) return DEFAULT_MAX_BYTES;
  return Math.min(Math.max(asked, LEAST_DATAGRAM), ETHERNET_MTU) - HEADERS;
}
