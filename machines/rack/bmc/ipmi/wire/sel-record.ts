import { concat, long, word } from './byte-reader.ts';

/** A system event record, IPMI v2.0 table 32-1. */
export type SelRecord = {
  readonly id: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly sensorType: number;
  readonly sensor: number;
  readonly offset: number;
};

export const SEL_RECORD_BYTES = 16;
const SYSTEM_EVENT = 0x02;
/** The BMC itself. */
const GENERATOR = 0x0020;
const EVENT_FORMAT = 0x04;
/** Asserted, by the sensor's own list. */
const SENSOR_SPECIFIC = 0x6f;

export function encodeSelRecord({ id, time, sensorType, sensor, offset }: SelRecord): Uint8Array {
  return concat(word(id), [SYSTEM_EVENT], long(time), word(GENERATOR), [
    EVENT_FORMAT,
    sensorType,
    sensor,
    SENSOR_SPECIFIC,
    offset & 0x0f,
    0xff,
    0xff,
  ]);
}
