import { Cursor } from './cursor.ts';
import { codeOf, optionOfCode } from './option-table.ts';
import type { Dhcp4Options, RawOption } from './options.ts';
import { canBe } from './shape.ts';

const PAD = 0;
const END = 255;
const OVERLOAD = codeOf('overload');
/** A note is text made for each oddity; a hostile datagram could hold hundreds. */
const MAX_NOTES = 16;

/** A part of the datagram that may hold options. */
export type Area = { readonly name: 'options' | 'file' | 'sname'; readonly start: number; readonly end: number };

export type ReadOptions = {
  readonly options: Dhcp4Options;
  /** Which fields hold options instead of a name (RFC 2132 §9.3). */
  readonly overloaded: { readonly file: boolean; readonly sname: boolean };
  readonly notes: readonly string[];
};

const NOTHING_ODD: readonly string[] = [];

/**
 * All options of a datagram, from the options area and, if option 52 says so, from `file` and `sname`, joined in that
 * order where a code repeats (RFC 3396 §5). Whatever is broken costs as little as possible: a length that passes the
 * end costs what follows, a wrong size costs that option, a missing END nothing; each leaves a note.
 */
export function readOptionAreas(bytes: Uint8Array, areas: Readonly<Record<Area['name'], Area>>): ReadOptions {
  const reading: Reading = { bytes, options: [], repeats: undefined, notes: undefined };
  readArea(reading, areas.options);
  const overload = takeOverload(reading);
  const overloaded = { file: (overload & 1) !== 0, sname: (overload & 2) !== 0 };
  if (overloaded.file) readArea(reading, areas.file);
  if (overloaded.sname) readArea(reading, areas.sname);
  if (reading.repeats) joinRepeats(reading, reading.repeats);
  checkSizes(reading);
  return { options: reading.options, overloaded, notes: reading.notes ?? NOTHING_ODD };
}

type Reading = {
  readonly bytes: Uint8Array;
  readonly options: RawOption[];
  /** Later instances of a code that is in `options` already. */
  repeats: RawOption[] | undefined;
  notes: string[] | undefined;
};

function note(reading: Reading, text: string): void {
  reading.notes ??= [];
  if (reading.notes.length < MAX_NOTES) reading.notes.push(text);
}

function readArea(reading: Reading, { name, start, end }: Area): void {
  const cursor = new Cursor(reading.bytes, start, end);
  while (cursor.left > 0) {
    const code = cursor.u8();
    if (code === PAD) continue;
    if (code === END) return;
    if (cursor.left === 0) return note(reading, `${name}: option ${code} has no length`);
    const length = cursor.u8();
    if (length > cursor.left) {
      return note(reading, `${name}: option ${code} is cut off: got ${cursor.left} of ${bytesText(length)}`);
    }
    const at = cursor.skip(length);
    // RFC 2132 §9.3 knows no overloading from within an overloaded field.
    if (code === OVERLOAD && name !== 'options') note(reading, `${name}: option 52 ignored`);
    else add(reading, { code, bytes: reading.bytes, start: at, end: at + length });
  }
  note(reading, `${name}: no END`);
}

function add(reading: Reading, option: RawOption): void {
  const { options } = reading;
  for (let index = 0; index < options.length; index++) {
    if ((options[index] as RawOption).code === option.code) {
      reading.repeats ??= [];
      reading.repeats.push(option);
      return;
    }
  }
  options.push(option);
}

/** Option 52 is about this datagram's layout, so it does not stay among the options. */
function takeOverload(reading: Reading): number {
  const index = reading.options.findIndex(({ code }) => code === OVERLOAD);
  if (index < 0) return 0;
  const [{ bytes, start, end } = { bytes: reading.bytes, start: 0, end: 0 }] = reading.options.splice(index, 1);
  reading.repeats = reading.repeats?.filter(({ code }) => code !== OVERLOAD);
  const value = end - start === 1 ? (bytes[start] as number) : 0;
  if (value >= 1 && value <= 3) return value;
  note(reading, 'option 52 is not 1, 2 or 3: ignored');
  return 0;
}

function joinRepeats({ options, bytes }: Reading, repeats: readonly RawOption[]): void {
  const parts = Map.groupBy(repeats, ({ code }) => code);
  for (const [index, first] of options.entries()) {
    const rest = parts.get(first.code);
    if (!rest) continue;
    const joined = new Uint8Array(rest.reduce((sum, { start, end }) => sum + end - start, first.end - first.start));
    let at = 0;
    for (const { start, end } of [first, ...rest]) {
      joined.set(bytes.subarray(start, end), at);
      at += end - start;
    }
    options[index] = { code: first.code, bytes: joined, start: 0, end: joined.length };
  }
}

/** The option stays, as bytes; reading it by name gives nothing. */
function checkSizes(reading: Reading): void {
  for (const { code, start, end } of reading.options) {
    const known = optionOfCode(code);
    if (!known) continue;
    const length = end - start;
    if (canBe(known, length)) continue;
    note(reading, `option ${code} is ${bytesText(length)}, want ${wanted(known)}: ignored`);
  }
}

const bytesText = (count: number): string => `${count} ${count === 1 ? 'byte' : 'bytes'}`;

function wanted({ min, max, step }: { readonly min: number; readonly max: number; readonly step: number }): string {
  if (min === max) return `${min}`;
  return step > 1 ? `a multiple of ${step}` : `at least ${min}`;
}
