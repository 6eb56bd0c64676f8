import type { Ipv4 } from '#machines/values/ip-address.ts';
import { Cursor } from './cursor.ts';
import { hex, type Shape, UNBOUNDED } from './shape.ts';
import { readSubOptions, type SubOption } from './sub-options.ts';

/**
 * Option 82 (RFC 3046): what a relay or a snooping switch tells about the client's place. `raw` is what goes back,
 * byte for byte and last; the rest is a reading of it. A sub-option of the wrong size is left out of the reading.
 *
 * Anyone on the link can forge it: only that of a configured relay may decide anything.
 */
export type RelayInformation = {
  readonly raw: Uint8Array;
  /** 1 and 2: port and device, opaque. */
  readonly circuitId: Uint8Array | undefined;
  readonly remoteId: Uint8Array | undefined;
  /** 5 (RFC 3527), else Cisco's 150: choose the subnet by this address, but answer to giaddr. */
  readonly linkSelection: Ipv4 | undefined;
  /** 6 (RFC 3993). */
  readonly subscriberId: Uint8Array | undefined;
  /** 10 (RFC 5010): whether the client sent unicast to the relay. */
  readonly unicast: boolean | undefined;
  /** 11 (RFC 5107): put this address into option 54, so that renewals come through the relay. */
  readonly serverIdOverride: Ipv4 | undefined;
  /** 12 (RFC 6925). */
  readonly relayId: Uint8Array | undefined;
  /** 19 (RFC 8357): answer to the port the relay sent from, not to 67. */
  readonly sourcePort: boolean;
  /** 151 and 152 (RFC 6607): the virtual subnet. */
  readonly virtualSubnet: Uint8Array | undefined;
  readonly virtualSubnetControl: boolean;
  readonly subOptions: readonly SubOption[];
};

export const relayInformation: Shape<RelayInformation> = {
  min: 2,
  max: UNBOUNDED,
  step: 1,
  read: (cursor) => {
    const raw = cursor.bytes(cursor.left);
    const subOptions = readSubOptions(new Cursor(raw), { padAndEnd: false });
    const bytesOf = (code: number) => subOptions.find((sub) => sub.code === code)?.bytes;
    const ipOf = (code: number) => {
      const bytes = bytesOf(code);
      return bytes?.length === 4 ? new Cursor(bytes).ip() : undefined;
    };
    const flags = bytesOf(10);
    return {
      raw,
      circuitId: bytesOf(1),
      remoteId: bytesOf(2),
      linkSelection: ipOf(5) ?? ipOf(150),
      subscriberId: bytesOf(6),
      unicast: flags?.length === 1 ? ((flags[0] as number) & 0x80) !== 0 : undefined,
      serverIdOverride: ipOf(11),
      relayId: bytesOf(12),
      sourcePort: bytesOf(19) !== undefined,
      virtualSubnet: bytesOf(151),
      virtualSubnetControl: bytesOf(152) !== undefined,
      subOptions,
    };
  },
  write: ({ raw }) => raw,
  show: ({ subOptions, raw }) => subOptions.map(showSubOption).join(' ') || hex(raw),
};

const NAMES = new Map<number, string>([
  [1, 'circuit-id'],
  [2, 'remote-id'],
  [5, 'link-selection'],
  [6, 'subscriber-id'],
  [10, 'flags'],
  [11, 'server-id-override'],
  [12, 'relay-id'],
  [19, 'source-port'],
  [150, 'link-selection-cisco'],
  [151, 'virtual-subnet'],
  [152, 'virtual-subnet-control'],
]);

const showSubOption = ({ code, bytes }: SubOption): string =>
  `${code}${NAMES.has(code) ? ` ${NAMES.get(code)}` : ''} [${hex(bytes)}]`;
