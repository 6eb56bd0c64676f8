import { type Decoded, decoding, malformed, uint16Bytes } from './cursor.ts';

/** Commands of the network function Storage for FRU devices, IPMI v2.0 §34. */
export const FRU = { areaInfo: 0x10, read: 0x11 } as const;

export type FruAreaInfo = {
  readonly bytes: number /** Offsets and counts are in words of two. */;
  readonly isByWords: boolean;
};

export function decodeFruAreaInfo(data: Uint8Array): Decoded<FruAreaInfo> {
  return decoding(data, (read) => ({
    bytes: read.uint16('size'),
    isByWords: (read.uint8('access') & 0x01) !== 0,
  }));
}

export const fruReadRequest = (device: number, offset: number, count: number): Uint8Array =>
  Uint8Array.of(device, ...uint16Bytes(offset), count);

/** At most what was asked for; `unit` is 2 where counts are in words. */
export function decodeFruRead(data: Uint8Array, unit: number): Decoded<Uint8Array> {
  return decoding(data, (read) => read.bytes(read.uint8('count') * unit, 'FRU data').slice());
}

/** Texts are as they stand: trimmed, cut and judged elsewhere. */
export type Fru = {
  readonly chassis?: { readonly type: number; readonly part?: string; readonly serial?: string };
  readonly board?: {
    readonly manufacturer?: string;
    readonly product?: string;
    readonly serial?: string;
    readonly part?: string;
  };
  readonly product?: {
    readonly manufacturer?: string;
    readonly name?: string;
    readonly part?: string;
    readonly version?: string;
    readonly serial?: string;
    readonly assetTag?: string;
  };
  /** Areas that are there and cannot be read, with the reason. */
  readonly broken: readonly string[];
};

const HEADER_BYTES = 8;
const UNIT = 8;
const END_OF_FIELDS = 0xc1;
/** Languages of 8-bit text, Platform Management FRU v1.0 §15: English are 0 and 25. */
const ENGLISH = [0, 25];
const MAX_FIELDS = 32;

/** Platform Management FRU Information Storage v1.0. An area that is broken costs only itself. */
export function decodeFru(bytes: Uint8Array): Decoded<Fru> {
  return decoding(bytes, (read) => {
    const header = read.bytes(HEADER_BYTES, 'FRU header');
    if (((header[0] ?? 0) & 0x0f) !== 1) malformed(`FRU format is ${header[0]}, want 1`);
    if (!isWhole(header)) malformed('the checksum of the FRU header is wrong');
    const broken: string[] = [];
    const area = <T>(index: number, name: string, decode: (area: Uint8Array) => T): T | undefined => {
      const start = (header[index] ?? 0) * UNIT;
      if (start === 0) return undefined;
      const decoded = areaAt(bytes, start, decode);
      if (decoded.ok) return decoded.value;
      broken.push(`FRU ${name} area: ${decoded.because}`);
      return undefined;
    };
    const chassis = area(2, 'chassis', chassisOf);
    const board = area(3, 'board', boardOf);
    const product = area(4, 'product', productOf);
    return { ...(chassis ? { chassis } : {}), ...(board ? { board } : {}), ...(product ? { product } : {}), broken };
  });
}

/** How many bytes from the start hold the areas that are read here, as far as the header tells. */
export function fruSpan(header: Uint8Array): readonly number[] {
  return [2, 3, 4].map((index) => (header[index] ?? 0) * UNIT).filter((start) => start > 0);
}

function areaAt<T>(bytes: Uint8Array, start: number, decode: (area: Uint8Array) => T): Decoded<T> {
  return decoding(bytes, (read) => {
    read.bytes(start, 'what is before it');
    const head = read.bytes(2, 'its head');
    if (((head[0] ?? 0) & 0x0f) !== 1) malformed(`its format is ${head[0]}, want 1`);
    const length = (head[1] ?? 0) * UNIT;
    if (length < UNIT) malformed(`it is ${length} bytes, want at least ${UNIT}`);
    read.bytes(length - 2, 'it');
    const whole = bytes.subarray(start, start + length);
    if (!isWhole(whole)) malformed('its checksum is wrong');
    return decode(whole);
  });
}

const isWhole = (bytes: Uint8Array): boolean => bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0) === 0;

function chassisOf(area: Uint8Array): NonNullable<Fru['chassis']> {
  const [part, serial] = fieldsOf(area, 3, ENGLISH[0] ?? 0);
  return { type: area[2] ?? 0, ...defined({ part, serial }) };
}

function boardOf(area: Uint8Array): NonNullable<Fru['board']> {
  const [manufacturer, product, serial, part] = fieldsOf(area, 6, area[2] ?? 0);
  return defined({ manufacturer, product, serial, part });
}

function productOf(area: Uint8Array): NonNullable<Fru['product']> {
  const [manufacturer, name, part, version, serial, assetTag] = fieldsOf(area, 3, area[2] ?? 0);
  return defined({ manufacturer, name, part, version, serial, assetTag });
}

function fieldsOf(area: Uint8Array, start: number, language: number): readonly (string | undefined)[] {
  const fields: (string | undefined)[] = [];
  let at = start;
  while (at < area.length && fields.length < MAX_FIELDS) {
    const head = area[at] ?? END_OF_FIELDS;
    if (head === END_OF_FIELDS) return fields;
    const length = head & 0x3f;
    at += 1;
    // The checksum, at least, follows.
    if (at + length >= area.length) malformed(`field ${fields.length + 1} is longer than the area`);
    fields.push(fieldText(head >>> 6, area.subarray(at, at + length), language));
    at += length;
  }
  return fields;
}

/** FRU v1.0 §13: binary, BCD plus, 6-bit ASCII, 8-bit (or UTF-16 for other languages). */
function fieldText(type: number, bytes: Uint8Array, language: number): string | undefined {
  if (bytes.length === 0) return undefined;
  switch (type) {
    case 0:
      return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    case 1:
      return Array.from(bytes, (byte) => `${BCD_PLUS[byte >>> 4]}${BCD_PLUS[byte & 0x0f]}`).join('');
    case 2:
      return sixBitText(bytes);
    default:
      return ENGLISH.includes(language)
        ? Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
        : new TextDecoder('utf-16le').decode(bytes);
  }
}

const BCD_PLUS = '0123456789 -.:,_';

/** Six bits for each character, the lowest first, from the blank on. */
function sixBitText(bytes: Uint8Array): string {
  let text = '';
  for (let bit = 0; bit + 6 <= bytes.length * 8; bit += 6) {
    const pair = (bytes[bit >>> 3] ?? 0) | ((bytes[(bit >>> 3) + 1] ?? 0) << 8);
    text += String.fromCharCode(0x20 + ((pair >>> (bit & 7)) & 0x3f));
  }
  return text;
}

/** Without what is undefined. */
function defined<K extends string>(fields: { readonly [_ in K]: string | undefined }): { [_ in K]?: string } {
  const kept: { [_ in K]?: string } = {};
  for (const key in fields) {
    const value = fields[key];
    if (value !== undefined) kept[key] = value;
  }
  return kept;
}
