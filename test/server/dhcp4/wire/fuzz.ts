import { readdirSync, readFileSync } from 'node:fs';
import { maxReplyBytes } from '#server/dhcp4/wire/message-size.ts';
import { type Dhcp4Message, decodeDhcp4, encodeDhcp4, fitsFile } from '#server/dhcp4/wire/message.ts';
import { DHCP4_OPTIONS, type OptionName } from '#server/dhcp4/wire/option-table.ts';
import { getOption, rawOption } from '#server/dhcp4/wire/options.ts';
import { readPxeOptions } from '#server/dhcp4/wire/pxe-options.ts';
import { describeDhcp4, summarizeDhcp4 } from '#server/dhcp4/wire/summary.ts';

export type FuzzResult = { readonly inputs: number; readonly messages: number; readonly malformed: number };

const GOLDEN = new URL('../../../golden/dhcp4/', import.meta.url);
const NAMES = Object.keys(DHCP4_OPTIONS) as OptionName[];
const CODES = Object.values(DHCP4_OPTIONS).map(({ code }) => code);

/**
 * Captures, mutated `count` times from `seed`, each put through all that the daemon does with a datagram: decoded, every
 * option read, shown, answered with under several limits, and decoded again. Throws at the first one that breaks a
 * promise, with its bytes.
 */
export function fuzzDhcp4({ count, seed }: { readonly count: number; readonly seed: number }): FuzzResult {
  const corpus = readdirSync(GOLDEN)
    .filter((file) => file.endsWith('.bin'))
    .map((file) => new Uint8Array(readFileSync(new URL(file, GOLDEN))));
  const random = randomNumbers(seed);
  let messages = 0;
  for (let input = 0; input < count; input++) {
    const bytes = mutated(corpus, random);
    try {
      if (survives(bytes)) messages++;
    } catch (cause) {
      const hex = Buffer.from(bytes).toString('hex');
      throw new Error(`input ${input} of seed ${seed}: ${hex}`, { cause });
    }
  }
  return { inputs: count, messages, malformed: count - messages };
}

/** Whether the bytes were a message; throws if anything at all goes wrong with them. */
export function survives(bytes: Uint8Array): boolean {
  const result = decodeDhcp4(bytes);
  if (result.kind === 'malformed') return false;
  const { message, notes } = result;
  if (notes.length > 16) throw new Error(`${notes.length} notes`);
  for (const name of NAMES) getOption(message.options, name);
  const vendorInformation = rawOption(message.options, 43);
  if (vendorInformation) readPxeOptions(vendorInformation);
  if (/[^ -~…]/.test(summarizeDhcp4(message))) throw new Error('summary is not printable');
  if (/[^ -~…\n]/.test(describeDhcp4(message))) throw new Error('description is not printable');
  // What a client sent need not fit a field that keeps a NUL; we never send such a name back.
  const names = {
    sname: fitsSname(message.sname) ? message.sname : '',
    file: fitsFile(message.file) ? message.file : '',
  };
  comesBack({ ...message, ...names });
  return true;
}

const fitsSname = (name: string): boolean => new TextEncoder().encode(name).length < 64;

function comesBack(message: Dhcp4Message): void {
  const whole = encodeDhcp4(message, { maxBytes: 65_535 });
  same(message, whole);
  const requested = getOption(message.options, 'parameterRequestList') ?? [];
  const maxBytes = maxReplyBytes(message.options);
  const spread = encodeDhcp4(message, { maxBytes, requested, overload: true });
  same(message, spread);
  const fitting = encodeDhcp4(message, {
    maxBytes,
    requested,
    overload: true,
    droppable: message.options.map(({ code }) => code),
  });
  if (fitting.length > maxBytes) throw new Error(`${fitting.length} bytes, want at most ${maxBytes}`);
  if (decodeDhcp4(fitting).kind === 'malformed') throw new Error('own message is malformed');
}

function same(message: Dhcp4Message, bytes: Uint8Array): void {
  const back = decodeDhcp4(bytes);
  if (back.kind === 'malformed') throw new Error(`own message is malformed: ${back.because}`);
  const { options } = back.message;
  if (options.length !== message.options.length) throw new Error('another number of options');
  for (const one of message.options) {
    const other = options.find(({ code }) => code === one.code);
    const length = one.end - one.start;
    if (!other || other.end - other.start !== length) throw new Error(`option ${one.code} has another length`);
    for (let index = 0; index < length; index++) {
      if (one.bytes[one.start + index] !== other.bytes[other.start + index]) {
        throw new Error(`option ${one.code} is not the same`);
      }
    }
  }
  for (const field of ['xid', 'secs', 'flags', 'ciaddr', 'yiaddr', 'siaddr', 'giaddr', 'sname', 'file'] as const) {
    if (back.message[field] !== message[field]) throw new Error(`${field} is not the same`);
  }
}

type Random = (below: number) => number;

/** Mulberry32: the same inputs for the same seed everywhere. */
function randomNumbers(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const INTERESTING = [0, 1, 2, 3, 4, 5, 52, 63, 64, 82, 127, 128, 192, 254, 255];

function mutated(corpus: readonly Uint8Array[], random: Random): Uint8Array {
  const pick = (): Uint8Array => corpus[random(corpus.length)] ?? new Uint8Array(0);
  let bytes = pick().slice();
  for (let rounds = 1 + random(6); rounds > 0; rounds--) bytes = mutatedOnce(bytes, { random, pick });
  return bytes;
}

type Source = { readonly random: Random; readonly pick: () => Uint8Array };

function mutatedOnce(bytes: Uint8Array, { random, pick }: Source): Uint8Array<ArrayBuffer> {
  // Three of four hits go into the options, where the structure is.
  const place = () =>
    random(4) > 0 && bytes.length > 240 ? 240 + random(bytes.length - 240) : random(bytes.length + 1);
  const at = place();
  const changed = bytes.slice();
  const byte = () => (random(2) === 0 ? (INTERESTING[random(INTERESTING.length)] ?? 0) : random(256));
  switch (random(10)) {
    case 0:
      changed[at] = (changed[at] ?? 0) ^ (1 << random(8));
      return changed;
    case 1:
    case 2:
      changed[at] = byte();
      return changed;
    case 3:
      return bytes.slice(0, at);
    case 4:
      return joined(bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + random(16))));
    case 5:
      return joined(bytes.subarray(0, at), Uint8Array.from({ length: 1 + random(32) }, byte), bytes.subarray(at));
    case 6: {
      const other = pick();
      return joined(bytes.subarray(0, at), other.subarray(Math.min(at, other.length)));
    }
    case 7:
      return joined(bytes, bytes.subarray(Math.min(at, 240)));
    case 8: {
      const length = random(4) === 0 ? random(256) : random(24);
      const option = Uint8Array.from([CODES[random(CODES.length)] ?? 0, length, ...Array.from({ length }, byte)]);
      return joined(bytes.subarray(0, 240), option, bytes.subarray(Math.min(240, bytes.length)));
    }
    default: {
      // Both name fields become lists of options.
      const fields = joined(bytes.subarray(0, 240), Uint8Array.of(52, 1, 1 + random(3)), bytes.subarray(240));
      for (let index = 44; index < Math.min(236, fields.length); index++) fields[index] = byte();
      return fields;
    }
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// node test/server/dhcp4/wire/fuzz.ts COUNT SEED
if (import.meta.main) {
  const [count, seed] = process.argv.slice(2).map(Number);
  if (!count || seed === undefined) throw new Error('usage: fuzz.ts COUNT SEED');
  const started = performance.now();
  const result = fuzzDhcp4({ count, seed });
  const seconds = (performance.now() - started) / 1000;
  console.log({
    ...result,
    seconds: Math.round(seconds),
    perSecond: Math.round(count / seconds),
    peakResidentMb: Math.round(process.resourceUsage().maxRSS / 1024),
  });
}
