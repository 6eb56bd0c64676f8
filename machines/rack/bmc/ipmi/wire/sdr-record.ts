import type { BoardSensor } from './board-sensor.ts';
import { concat, word } from './byte-reader.ts';

const SDR_VERSION = 0x51;
const TYPE = { full: 0x01, compact: 0x02, locator: 0x12 } as const;
const BMC_ADDRESS = 0x20;
const THRESHOLDS = 0x01;
const SENSOR_SPECIFIC = 0x6f;

/** Sensor type (table 42-3), base unit (table 43-15), and what one count is worth: a byte reaches 255 times that. */
const MEASURED = {
  temperature: { type: 0x01, unit: 1, m: 1 },
  fan: { type: 0x04, unit: 18, m: 60 },
  power: { type: 0x0b, unit: 6, m: 4 },
} as const;
const SUPPLY = 0x08;

export const countOf = (kind: keyof typeof MEASURED, value: number): number =>
  Math.min(255, Math.max(0, Math.round(value / MEASURED[kind].m)));

const header = (id: number, type: number, body: Uint8Array): Uint8Array =>
  concat(word(id), [SDR_VERSION, type, body.length], body);

function named(name: string): Uint8Array {
  const text = new TextEncoder().encode(name).subarray(0, 16);
  // 8-bit text.
  return concat([0xc0 | text.length], text);
}

/** Management Controller Device Locator, IPMI v2.0 table 43-10: at 20h on channel 0; has events and an inventory. */
export const encodeLocator = (id: number, name: string): Uint8Array =>
  header(id, TYPE.locator, concat([BMC_ADDRESS, 0, 0, 0x0c, 0, 0, 0, 0x07, 0x01, 0], named(name)));

/** A full record (§43.1) of what is counted, a compact one (§43.2) of what has states. */
export function encodeSensor(id: number, { name, number, entity, tells }: BoardSensor): Uint8Array {
  const key = [BMC_ADDRESS, 0, number, entity, number];
  if (tells.kind === 'supply') {
    const body = [0x63, 0x00, SUPPLY, SENSOR_SPECIFIC, ...word(0x0f), ...word(0x0f), ...word(0x0f)];
    return header(id, TYPE.compact, concat(key, body, [0xc0, 0, 0], [0, 0, 0, 0, 0, 0, 0], [0], named(name)));
  }
  const { type, unit, m } = MEASURED[tells.kind];
  const { upper, lower } = tells;
  // Which thresholds can be read: upper critical, lower critical.
  const readable = (upper === undefined ? 0 : 0x10) | (lower === undefined ? 0 : 0x02);
  const thresholds = [0, countOf(tells.kind, upper ?? 0), 0, 0, countOf(tells.kind, lower ?? 0), 0];
  return header(
    id,
    TYPE.full,
    concat(
      key,
      // Scanned and with thresholds from the start; thresholds may be read.
      [0x7f, 0x04, type, THRESHOLDS, ...word(0), ...word(0), readable, 0],
      // Unsigned, of this unit, linear: M, no tolerance; no B; no exponents.
      [0x00, unit, 0, 0, m, 0, 0, 0, 0, 0],
      // No nominal values; the limits of a byte.
      [0, 0, 0, 0, 0xff, 0x00],
      [...thresholds, 0, 0, 0, 0, 0],
      named(name),
    ),
  );
}
