import { type Decoded, decoding, malformed, uint16Bytes } from './cursor.ts';

/** Commands of Storage for Sensor Data Records, IPMI v2.0 §33. */
export const SDR = { info: 0x20, reserve: 0x22, record: 0x23 } as const;

export const FIRST_SDR = 0x0000;
export const LAST_SDR = 0xffff;
/** Record ID, version, type, and how many bytes follow. */
export const SDR_HEADER_BYTES = 5;

export const decodeSdrInfo = (data: Uint8Array): Decoded<{ readonly records: number }> =>
  decoding(data, (read) => {
    read.uint8('SDR version');
    return { records: read.uint16('records') };
  });

export const decodeReservation = (data: Uint8Array): Decoded<number> =>
  decoding(data, (read) => read.uint16('reservation'));

export type SdrPart = { readonly record: number; readonly offset: number; readonly count: number };

export const sdrRequest = (reservation: number, { record, offset, count }: SdrPart): Uint8Array =>
  Uint8Array.of(...uint16Bytes(reservation), ...uint16Bytes(record), offset, count);

/** A part of a record, and which record comes after it. */
export const decodeSdrPart = (data: Uint8Array): Decoded<{ readonly next: number; readonly bytes: Uint8Array }> =>
  decoding(data, (read) => ({ next: read.uint16('next record'), bytes: read.rest().slice() }));

export const decodeSdrLength = (header: Uint8Array): Decoded<number> =>
  decoding(header, (read) => {
    read.bytes(SDR_HEADER_BYTES - 1, 'record header');
    return SDR_HEADER_BYTES + read.uint8('record length');
  });

/** How a sensor counts (§36.3): y = L((M·x + B·10^bExponent) · 10^rExponent). */
export type Conversion = {
  readonly isSigned: 'no' | 'ones' | 'twos';
  readonly linearization: number;
  readonly m: number;
  readonly b: number;
  readonly bExponent: number;
  readonly rExponent: number;
};

/** A sensor that can be read, from a full (§43.1) or a compact record (§43.2). */
export type SensorRecord = {
  readonly kind: 'sensor';
  readonly number: number;
  /** Whose it is, and by which of its doors: the BMC's own are 20h and 0. */
  readonly owner: number;
  readonly lun: number;
  readonly entity: number;
  readonly sensorType: number;
  /** 1: thresholds; 6Fh: states of the sensor's own kind; others by table 42-2. */
  readonly readingType: number;
  readonly isPercent: boolean;
  /** Table 43-15. */
  readonly unit: number;
  /** None where the sensor tells states only. */
  readonly conversion?: Conversion;
  readonly name: string;
};

export type Sdr = SensorRecord | { readonly kind: 'other'; readonly type: number };

const FULL = 0x01;
const COMPACT = 0x02;

export function decodeSdr(record: Uint8Array): Decoded<Sdr> {
  return decoding(record, (read) => {
    read.uint16('record ID');
    read.uint8('SDR version');
    const type = read.uint8('record type');
    const length = read.uint8('record length');
    if (length !== read.left()) malformed(`a record says ${length} bytes, there are ${read.left()}`);
    if (type !== FULL && type !== COMPACT) return { kind: 'other', type };
    const owner = read.uint8('owner');
    const lun = read.uint8('owner LUN') & 0x03;
    const number = read.uint8('sensor number');
    const entity = read.uint8('entity');
    read.bytes(3, 'instance, initialization and capabilities');
    const sensorType = read.uint8('sensor type');
    const readingType = read.uint8('event/reading type');
    read.bytes(6, 'event masks');
    const units = read.uint8('units');
    const unit = read.uint8('base unit');
    read.uint8('modifier unit');
    const conversion = type === FULL ? readConversion(read, units) : undefined;
    // Full: analog flags, nominal and normal values, limits, six thresholds, hysteresis. Compact: sharing, hysteresis.
    read.bytes(type === FULL ? 16 : 7, 'thresholds');
    read.uint8('OEM');
    return {
      kind: 'sensor',
      number,
      owner,
      lun,
      entity,
      sensorType,
      readingType,
      isPercent: (units & 0x01) !== 0,
      unit,
      ...(conversion ? { conversion } : {}),
      name: readName(read),
    };
  });
}

type Reader = Parameters<Parameters<typeof decoding>[1]>[0];

const SIGNS = ['no', 'ones', 'twos'] as const;

function readConversion(read: Reader, units: number): Conversion | undefined {
  const linearization = read.uint8('linearization') & 0x7f;
  const low = read.uint8('M');
  const high = read.uint8('M and tolerance');
  const bLow = read.uint8('B');
  const bHigh = read.uint8('B and accuracy');
  read.uint8('accuracy');
  const exponents = read.uint8('exponents');
  const isSigned = SIGNS[units >>> 6];
  // 3: no number comes with the reading.
  if (isSigned === undefined) return undefined;
  return {
    isSigned,
    linearization,
    m: signed(low | ((high & 0xc0) << 2), 10),
    b: signed(bLow | ((bHigh & 0xc0) << 2), 10),
    rExponent: signed(exponents >>> 4, 4),
    bExponent: signed(exponents & 0x0f, 4),
  };
}

const signed = (value: number, bits: number): number => (value >= 2 ** (bits - 1) ? value - 2 ** bits : value);

const BCD = '0123456789 -.:,_';

/** §43.15: the kind of text and how many bytes of it; a name that cannot be read costs only itself. */
function readName(read: Reader): string {
  const head = read.uint8('kind of name');
  const length = Math.min(head & 0x1f, read.left());
  const bytes = read.bytes(length, 'name');
  switch (head >>> 6) {
    case 1:
      return Array.from(bytes, (byte) => `${BCD[byte >>> 4]}${BCD[byte & 0x0f]}`)
        .join('')
        .trim();
    case 2:
      return sixBits(bytes);
    case 3:
      return new TextDecoder('latin1').decode(bytes).replace(/\0.*$/s, '').trim();
    default:
      return '';
  }
}

/** Six bits a letter, from the space on, the lowest bits first. */
function sixBits(bytes: Uint8Array): string {
  const bits = bytes.reduce((sum, byte, index) => sum | (BigInt(byte) << BigInt(index * 8)), 0n);
  const letters = Math.floor((bytes.length * 8) / 6);
  return Array.from({ length: letters }, (_, at) => String.fromCharCode(0x20 + Number((bits >> BigInt(at * 6)) & 63n)))
    .join('')
    .trim();
}

/** Get Sensor Reading, §35.14, of the network function Sensor/Event. */
export const SENSOR_READING = 0x2d;

export type SensorReading = {
  readonly raw: number;
  /** It is measured now, and there is something to measure. */
  readonly isAvailable: boolean;
  /** Bits of states, or of thresholds that are passed; bit 0 is offset 0. None where the BMC sent none. */
  readonly states?: number;
};

export function decodeSensorReading(data: Uint8Array): Decoded<SensorReading> {
  return decoding(data, (read) => {
    const raw = read.uint8('reading');
    const flags = read.uint8('flags');
    const isAvailable = (flags & 0x20) === 0 && (flags & 0x40) !== 0;
    const low = read.left() > 0 ? read.uint8('states') : undefined;
    const high = read.left() > 0 ? read.uint8('more states') & 0x7f : 0;
    return { raw, isAvailable, ...(low === undefined ? {} : { states: low | (high << 8) }) };
  });
}
