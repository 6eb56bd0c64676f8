import { Cursor, Malformed } from './cursor.ts';
import { canBe } from './shape.ts';
import {
  codeOf,
  DHCP4_OPTIONS,
  type OptionName,
  type OptionSpec,
  type OptionValue,
  type OptionValues,
} from './option-table.ts';

/**
 * One option as it stands in some buffer: `bytes[start]` up to `bytes[end]`. Decoding a message makes no copies and
 * parses no values, since of a dozen options the server looks at five; so the buffer must stay as it is for as long as
 * the options are in use.
 */
export type RawOption = {
  readonly code: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
};

/** At most one for each code, in the order in which they were met or added. */
export type Dhcp4Options = readonly RawOption[];

export const NO_OPTIONS: Dhcp4Options = [];

function indexOf(options: Dhcp4Options, code: number): number {
  for (let index = 0; index < options.length; index++) {
    if (options[index]?.code === code) return index;
  }
  return -1;
}

function find(options: Dhcp4Options, code: number): RawOption | undefined {
  const index = indexOf(options, code);
  return index < 0 ? undefined : options[index];
}

/** The value of an option; nothing if it is absent, or if its bytes cannot be read as what it should be. */
export function getOption<N extends OptionName>(options: Dhcp4Options, name: N): OptionValue<N> | undefined {
  // A name's spec has that name's value type; a mapped type cannot say so for a name not yet known.
  const { code, shape } = DHCP4_OPTIONS[name] as unknown as OptionSpec<OptionValue<N>>;
  const option = find(options, code);
  if (!option) return undefined;
  if (!canBe(shape, option.end - option.start)) return undefined;
  try {
    return shape.read(new Cursor(option.bytes, option.start, option.end));
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

export const hasOption = (options: Dhcp4Options, code: number): boolean => find(options, code) !== undefined;

/** The bytes of an option, known or not: a view, not a copy. */
export function rawOption(options: Dhcp4Options, code: number): Uint8Array | undefined {
  const option = find(options, code);
  return option?.bytes.subarray(option.start, option.end);
}

/**
 * Options from values, in the order in which they are written down. A value with nothing in it (undefined, an empty
 * list, an empty text) makes no option. Throws RangeError for a number that does not fit.
 */
export function makeOptions(values: OptionValues): Dhcp4Options {
  const options: RawOption[] = [];
  for (const name of Object.keys(values) as OptionName[]) {
    const option = encoded(name, values[name]);
    if (option) options.push(option);
  }
  return options;
}

/** `value` is of the name's type: the exported callers see to it. */
function encoded(name: OptionName, value: unknown): RawOption | undefined {
  if (value === undefined) return undefined;
  const { code, shape } = DHCP4_OPTIONS[name] as unknown as OptionSpec<unknown>;
  const bytes = shape.write(value);
  return bytes.length < shape.min ? undefined : { code, bytes, start: 0, end: bytes.length };
}

/** The options with one of them set, in its old place or at the end. */
export function withOption<N extends OptionName>(
  options: Dhcp4Options,
  name: N,
  value: OptionValue<N> | undefined,
): Dhcp4Options {
  const option = encoded(name, value);
  return option ? placed(options, option) : withoutOption(options, codeOf(name));
}

export const withRawOption = (options: Dhcp4Options, code: number, bytes: Uint8Array): Dhcp4Options =>
  placed(options, { code, bytes, start: 0, end: bytes.length });

export const withoutOption = (options: Dhcp4Options, code: number): Dhcp4Options =>
  options.filter((option) => option.code !== code);

/** The options with those of the named ones that `from` has, byte for byte as they stand there. */
export function withEchoed(options: Dhcp4Options, from: Dhcp4Options, names: readonly OptionName[]): Dhcp4Options {
  const result = [...options];
  for (const name of names) {
    const option = find(from, codeOf(name));
    if (!option) continue;
    const index = indexOf(result, option.code);
    if (index < 0) result.push(option);
    else result[index] = option;
  }
  return result;
}

function placed(options: Dhcp4Options, option: RawOption): Dhcp4Options {
  const index = indexOf(options, option.code);
  return index < 0 ? [...options, option] : options.with(index, option);
}
