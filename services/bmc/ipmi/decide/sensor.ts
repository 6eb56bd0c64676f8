import type { InventorySensor } from '#machines/contract/inventory.ts';
import type { Conversion, SensorReading, SensorRecord } from '../wire/sdr.ts';
import { sensorTypeName, stateMeaning } from './event-text.ts';
import { plainText } from './hardware.ts';

type Kind = InventorySensor['kind'];
type Health = NonNullable<InventorySensor['health']>;

/** What one sensor says, for people; undefined where it is nothing to them (watchdogs, event logs, buttons). */
export function sensorOf(
  record: SensorRecord,
  reading: SensorReading | undefined,
  isOn: boolean,
): InventorySensor | undefined {
  const kind = kindOf(record);
  if (kind === undefined) return undefined;
  const name = plainText(record.name) ?? `${sensorTypeName(record.sensorType)} ${hex(record.number)}`;
  if (!reading?.isAvailable) return { name, kind };
  const { conversion } = record;
  const value = conversion && record.readingType === THRESHOLDS ? valueOf(conversion, reading.raw) : undefined;
  const unit = record.isPercent ? '%' : UNITS[record.unit];
  const states = record.readingType === THRESHOLDS ? passed(reading) : named(record, reading);
  const texts = states.map(({ text }) => text);
  const worst = WORST.find((one) => states.some(({ severity }) => severity === one)) ?? 'ok';
  // Fans that stand still and rails without volts are how a machine that is off looks.
  const isFalseAlarm = !isOn && (kind === 'fan' || kind === 'voltage' || kind === 'current');
  return {
    name,
    kind,
    ...(value === undefined ? {} : { value, ...(unit === undefined ? {} : { unit }) }),
    ...(reading.states === undefined ? {} : { health: isFalseAlarm ? 'ok' : worst }),
    ...(texts.length === 0 || isFalseAlarm ? {} : { state: texts.join(', ').slice(0, 255) }),
  };
}

const WORST: readonly Health[] = ['critical', 'warning'];

/** The worst of what is measured; undefined where nothing is. */
export function worstHealth(sensors: readonly InventorySensor[]): Health | undefined {
  const told = sensors.flatMap(({ health }) => health ?? []);
  return told.length === 0 ? undefined : (WORST.find((one) => told.includes(one)) ?? 'ok');
}

/** What the machine draws, where one sensor is the whole machine's: its board's, its power unit's, or the only one. */
export function wattsOf(
  all: readonly { readonly record: SensorRecord; readonly sensor: InventorySensor }[],
): number | undefined {
  const watts = all.filter(({ sensor }) => sensor.unit === UNITS[WATTS] && (sensor.value ?? -1) >= 0);
  const whole = watts.filter(({ record }) => WHOLE_MACHINE.has(record.entity));
  const [one, ...others] = whole.length > 0 ? whole : watts;
  return others.length === 0 ? one?.sensor.value : undefined;
}

const THRESHOLDS = 0x01;
const WATTS = 6;
/** Table 43-13: system board, power unit, system chassis, power management. */
const WHOLE_MACHINE: ReadonlySet<number> = new Set([7, 19, 23, 21]);

/** Table 43-15, as far as boards use it. */
const UNITS: Readonly<Record<number, string>> = {
  1: '°C',
  2: '°F',
  3: 'K',
  4: 'V',
  5: 'A',
  [WATTS]: 'W',
  7: 'J',
  9: 'VA',
  17: 'CFM',
  18: 'rpm',
  19: 'Hz',
  20: 'µs',
  21: 'ms',
  22: 's',
};

const KINDS: Readonly<Record<number, Kind>> = {
  0x01: 'temperature',
  0x02: 'voltage',
  0x03: 'current',
  0x04: 'fan',
  0x05: 'intrusion',
  0x07: 'processor',
  0x08: 'supply',
  0x09: 'supply',
  0x0a: 'fan',
  0x0c: 'memory',
  0x0d: 'drive',
  0x29: 'battery',
};

function kindOf({ sensorType, unit, conversion }: SensorRecord): Kind | undefined {
  // Watts are of the type current, other units or power supply, as the maker likes.
  if (conversion && unit === WATTS) return 'power';
  return KINDS[sensorType] ?? (conversion ? 'other' : undefined);
}

/** §35.14: the comparisons that hold now. */
const PASSED: readonly (readonly [bit: number, text: string, severity: Health])[] = [
  [0x20, 'above the upper non-recoverable threshold', 'critical'],
  [0x10, 'above the upper critical threshold', 'critical'],
  [0x08, 'above the upper non-critical threshold', 'warning'],
  [0x04, 'below the lower non-recoverable threshold', 'critical'],
  [0x02, 'below the lower critical threshold', 'critical'],
  [0x01, 'below the lower non-critical threshold', 'warning'],
];

type State = { readonly text: string; readonly severity: Health };

/** The worst one of each side tells the others. */
function passed({ states = 0 }: SensorReading): readonly State[] {
  const [first] = PASSED.filter(([bit]) => (states & bit) !== 0).map(([, text, severity]) => ({ text, severity }));
  return first ? [first] : [];
}

/** 15 states at most; those without a name in the tables are nobody's to judge. */
function named({ readingType, sensorType }: SensorRecord, { states = 0 }: SensorReading): readonly State[] {
  return Array.from({ length: 15 }, (_, offset) => offset)
    .filter((offset) => (states & (1 << offset)) !== 0)
    .flatMap((offset) => stateMeaning({ eventType: readingType, sensorType, offset }) ?? []);
}

/** To as many digits as a byte can tell; undefined for what does not count in a line we know. */
export function valueOf(by: Conversion, raw: number): number | undefined {
  const { m, b, bExponent, rExponent, linearization, isSigned } = by;
  const x = isSigned === 'twos' ? (raw << 24) >> 24 : isSigned === 'ones' ? (raw & 0x80 ? -(~raw & 0xff) : raw) : raw;
  const straight = (m * x + b * 10 ** bExponent) * 10 ** rExponent;
  const value = LINES[linearization]?.(straight);
  return value === undefined || !Number.isFinite(value) || Math.abs(value) > 1e9
    ? undefined
    : Number(value.toPrecision(5));
}

/** Table 43-1, byte 24. */
const LINES: Readonly<Record<number, (y: number) => number>> = {
  0: (y) => y,
  1: Math.log,
  2: Math.log10,
  3: Math.log2,
  4: Math.exp,
  5: (y) => 10 ** y,
  6: (y) => 2 ** y,
  7: (y) => 1 / y,
  8: (y) => y ** 2,
  9: (y) => y ** 3,
  10: Math.sqrt,
  11: Math.cbrt,
};

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');
