import { type Decoded, decoding, joined } from './cursor.ts';

/** Commands of App for payloads, IPMI v2.0 §24. */
export const SOL_COMMAND = { activate: 0x48, deactivate: 0x49, instance: 0x4b } as const;

/** Completion codes of Activate Payload, IPMI v2.0 §24.1. */
export const ACTIVATE = {
  alreadyActive: 0x80,
  disabled: 0x81,
  limit: 0x82,
  noEncryption: 0x83,
  wantsEncryption: 0x84,
} as const;

/** SOL, its first instance; encrypted and authenticated, without alerts by serial line or holding the baseboard's DTR. */
export const ACTIVATE_SOL = Uint8Array.of(0x01, 0x01, 0xc0, 0, 0, 0);
export const DEACTIVATE_SOL = Uint8Array.of(0x01, 0x01, 0, 0, 0, 0);

/** Get Payload Instance Info, IPMI v2.0 §24.5: the session that has the console, 0 for none. */
export const SOL_INSTANCE = Uint8Array.of(0x01, 0x01);
export const decodeInstance = (data: Uint8Array): Decoded<number> =>
  decoding(data, (read) => read.uint32('session ID'));

export const SOL_HEADER_BYTES = 4;

/** How many bytes of a payload, header included, the BMC takes. */
export function decodeActivated(data: Uint8Array): Decoded<{ readonly inboundBytes: number }> {
  return decoding(data, (read) => {
    read.bytes(4, 'auxiliary data');
    const told = read.uint16('inbound payload size');
    read.uint16('outbound payload size');
    // pyghmi's BMC, and whoever it learned that from, writes the size with its high byte first.
    const swapped = ((told & 0xff) << 8) | (told >>> 8);
    const size = told <= SOL_HEADER_BYTES || told > 1024 ? swapped : told;
    return { inboundBytes: Math.min(Math.max(size, SOL_HEADER_BYTES + 1), 255 + SOL_HEADER_BYTES) };
  });
}

/** One packet of either direction, IPMI v2.0 table 15-2 and 15-3. */
export type SolPacket = {
  /** 1 to 15; 0 where nothing but an acknowledgement is in it. */
  readonly sequence: number;
  /** The packet that is acknowledged; 0 where none is. */
  readonly ack: number;
  /** How many of its characters were taken. */
  readonly accepted: number;
  /** Operation from a console, status from a BMC. */
  readonly flags: number;
  readonly data: Uint8Array;
};

/** Status of a BMC. */
export const SOL_STATUS = { nack: 0x40, unavailable: 0x20, deactivated: 0x10, overrun: 0x08, break: 0x04 } as const;

export function decodeSol(payload: Uint8Array): Decoded<SolPacket> {
  return decoding(payload, (read) => ({
    sequence: read.uint8('packet sequence') & 0x0f,
    ack: read.uint8('acknowledged sequence') & 0x0f,
    accepted: read.uint8('accepted characters'),
    flags: read.uint8('status'),
    data: read.rest(),
  }));
}

export const encodeSol = ({ sequence, ack, accepted, flags, data }: SolPacket): Uint8Array =>
  joined(Uint8Array.of(sequence & 0x0f, ack & 0x0f, accepted & 0xff, flags), data);
