import { codeOf } from './option-table.ts';
import type { Dhcp4Options, RawOption } from './options.ts';

/** RFC 2131 §2: what a client that says nothing must take, less the IP and UDP headers. */
export const DEFAULT_MAX_BYTES = 576 - 28;

export type LayoutLimits = {
  /** Largest UDP payload. */
  readonly maxBytes?: number;
  /** The client's option 55: the order of what it asked for, which is also the order of what matters to it. */
  readonly requested?: ArrayLike<number>;
  /**
   * Codes that may be left out if the message is too long; none by default. First to go is the first of these that was
   * not requested; then, after overloading, the requested ones from the end of the request.
   */
  readonly droppable?: readonly number[];
  /**
   * Whether `file` and `sname` may hold options if they are empty. Never for firmware: EDK2 ignores `file` as a name
   * when option 52 is there, and old ROMs do not read options there.
   */
  readonly overload?: boolean;
};

/** What goes where. `file` and `sname` are absent if they hold a name, as they should. */
export type Layout = {
  readonly options: readonly RawOption[];
  readonly file: readonly RawOption[] | undefined;
  readonly sname: readonly RawOption[] | undefined;
  /** Of the options area, with its END. */
  readonly optionsBytes: number;
  readonly dropped: readonly number[];
};

const MASK = codeOf('subnetMask');
const ROUTER = codeOf('router');
const OVERLOAD = codeOf('overload');
const TYPE = codeOf('messageType');
const SERVER_ID = codeOf('serverId');
const RELAY = codeOf('relayInformation');

const FIXED_BYTES = 240;
const END_BYTES = 1;
const FILE_ROOM = 128 - END_BYTES;
const SNAME_ROOM = 64 - END_BYTES;
const NONE: readonly number[] = [];

type Parts = { readonly sname: string; readonly file: string; readonly options: Dhcp4Options };

/** RFC 2131 §4.1 and our own order of sacrifice: drop what nobody asked for, then overload, then drop the rest. */
export function layOut(message: Parts, limits: LayoutLimits): Layout {
  const { maxBytes = DEFAULT_MAX_BYTES, requested = NONE, droppable = NONE, overload = false } = limits;
  const ordered = inOrder(message.options, requested);
  const size = sizeOf(ordered) + END_BYTES;
  const room = maxBytes - FIXED_BYTES;
  if (size <= room) return { options: ordered, file: undefined, sname: undefined, optionsBytes: size, dropped: NONE };
  return squeeze(message, ordered, { room, requested: Array.from(requested), droppable, overload });
}

type Squeeze = {
  readonly room: number;
  readonly requested: readonly number[];
  readonly droppable: readonly number[];
  readonly overload: boolean;
};

function squeeze(
  message: Parts,
  ordered: readonly RawOption[],
  { room, requested, droppable, overload }: Squeeze,
): Layout {
  const dropped: number[] = [];
  let kept = ordered;
  const drop = (code: number): void => {
    if (!kept.some((option) => option.code === code)) return;
    kept = kept.filter((option) => option.code !== code);
    dropped.push(code);
  };
  const fits = (): boolean => sizeOf(kept) + END_BYTES <= room;
  const plain = (): Layout => {
    return { options: kept, file: undefined, sname: undefined, optionsBytes: sizeOf(kept) + END_BYTES, dropped };
  };
  const spread = (): Layout | undefined => (overload ? overloaded(message, kept, { room, dropped }) : undefined);

  for (const code of droppable.filter((one) => !requested.includes(one))) {
    if (fits()) return plain();
    drop(code);
  }
  for (const code of requested.toReversed().filter((one) => droppable.includes(one))) {
    const layout = fits() ? plain() : spread();
    if (layout) return layout;
    drop(code);
  }
  return (fits() ? undefined : spread()) ?? plain();
}

/**
 * Whole options only, each in the first area with room for it. 53, 54, 52 and 82 stay in the options area: the first
 * three are looked for there, and a relay strips 82 from its end.
 */
function overloaded(
  { file, sname }: Parts,
  options: readonly RawOption[],
  { room, dropped }: { readonly room: number; readonly dropped: readonly number[] },
): Layout | undefined {
  const fixed = options.filter(({ code }) => code === TYPE || code === SERVER_ID);
  const last = options.filter(({ code }) => code === RELAY);
  const mainRoom = room - sizeOf(fixed) - sizeOf(last) - OVERLOAD_BYTES - END_BYTES;
  // What has to stay may alone be too long: a stranger chooses how long the 82 is that we echo.
  if (mainRoom < 0) return undefined;
  const main: RawOption[] = [];
  const areas = [
    { into: main, left: mainRoom },
    { into: [] as RawOption[], left: file === '' ? FILE_ROOM : 0 },
    { into: [] as RawOption[], left: sname === '' ? SNAME_ROOM : 0 },
  ];
  for (const option of options) {
    if (fixed.includes(option) || last.includes(option)) continue;
    const bytes = encodedBytes(option);
    const area = areas.find(({ left }) => left >= bytes);
    if (!area) return undefined;
    area.into.push(option);
    area.left -= bytes;
  }
  const inFile = areas[1]?.into ?? [];
  const inSname = areas[2]?.into ?? [];
  const value = (inFile.length > 0 ? 1 : 0) + (inSname.length > 0 ? 2 : 0);
  if (value === 0) return undefined;
  const all = [...fixed, { code: OVERLOAD, bytes: Uint8Array.of(value), start: 0, end: 1 }, ...main, ...last];
  return {
    options: all,
    file: inFile.length > 0 ? inFile : undefined,
    sname: inSname.length > 0 ? inSname : undefined,
    optionsBytes: sizeOf(all) + END_BYTES,
    dropped,
  };
}

const OVERLOAD_BYTES = 3;

function inOrder(options: Dhcp4Options, requested: ArrayLike<number>): readonly RawOption[] {
  const sorter = { ordered: [], waiting: [...options] };
  take(sorter, TYPE);
  take(sorter, SERVER_ID);
  for (let index = 0; index < requested.length; index++) takeInOrder(sorter, requested[index] as number);
  for (let index = 0; index < options.length; index++) takeInOrder(sorter, (options[index] as RawOption).code);
  take(sorter, RELAY);
  return sorter.ordered;
}

type Sorter = { readonly ordered: RawOption[]; readonly waiting: RawOption[] };

function takeInOrder(sorter: Sorter, code: number): void {
  if (code === RELAY || code === OVERLOAD) return;
  if (code === ROUTER) take(sorter, MASK);
  take(sorter, code);
}

function take({ ordered, waiting }: Sorter, code: number): void {
  for (let index = 0; index < waiting.length; index++) {
    const option = waiting[index] as RawOption;
    if (option.code !== code) continue;
    ordered.push(option);
    waiting[index] = waiting[waiting.length - 1] as RawOption;
    waiting.pop();
    return;
  }
}

function sizeOf(options: readonly RawOption[]): number {
  let size = 0;
  for (let index = 0; index < options.length; index++) size += encodedBytes(options[index] as RawOption);
  return size;
}

/** Two bytes more for each started 255; an empty option is one too. */
function encodedBytes({ start, end }: RawOption): number {
  const length = end - start;
  return length + 2 * Math.max(1, Math.ceil(length / 255));
}
