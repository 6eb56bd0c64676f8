import { type Decoded, decoding, uint16Bytes } from './cursor.ts';

/** Commands of the network function Storage for the System Event Log, IPMI v2.0 §31. */
export const SEL = { info: 0x40, entry: 0x43 } as const;

export const FIRST_RECORD = 0x0000;
export const LAST_RECORD = 0xffff;

export function decodeSelInfo(data: Uint8Array): Decoded<{ readonly entries: number }> {
  return decoding(data, (read) => {
    read.uint8('SEL version');
    return { entries: read.uint16('entries') };
  });
}

/** A whole record: without a reservation, since it is read in one piece. */
export const selEntryRequest = (record: number): Uint8Array => Uint8Array.of(0, 0, ...uint16Bytes(record), 0x00, 0xff);

/** IPMI v2.0 §32. Times are seconds, by the BMC's own clock; its base is `at`'s reader's affair. */
export type SelRecord =
  | {
      readonly kind: 'event';
      readonly id: number;
      readonly seconds: number;
      readonly sensorType: number;
      readonly sensor: number;
      /** Event/reading type, 7 bits: 1 thresholds, 6F of the sensor's own kind. */
      readonly eventType: number;
      readonly isDeasserted: boolean;
      /** The low half of data 1. */
      readonly offset: number;
      readonly data: Uint8Array;
    }
  | {
      readonly kind: 'oem';
      readonly id: number;
      readonly type: number;
      readonly seconds?: number;
      readonly data: Uint8Array;
    };

export type SelEntry = { readonly next: number; readonly record: SelRecord };

export function decodeSelEntry(data: Uint8Array): Decoded<SelEntry> {
  return decoding(data, (read) => {
    const next = read.uint16('next record');
    const id = read.uint16('record');
    const type = read.uint8('record type');
    if (type >= 0xe0) return { next, record: { kind: 'oem', id, type, data: read.bytes(13, 'OEM data') } };
    const seconds = read.uint32('time');
    if (type >= 0xc0) return { next, record: { kind: 'oem', id, type, seconds, data: read.bytes(9, 'OEM data') } };
    read.uint16('generator');
    read.uint8('event format');
    const sensorType = read.uint8('sensor type');
    const sensor = read.uint8('sensor');
    const direction = read.uint8('event type');
    const event = read.bytes(3, 'event data');
    return {
      next,
      record: {
        kind: 'event',
        id,
        seconds,
        sensorType,
        sensor,
        eventType: direction & 0x7f,
        isDeasserted: (direction & 0x80) !== 0,
        offset: (event[0] ?? 0) & 0x0f,
        data: event,
      },
    };
  });
}
