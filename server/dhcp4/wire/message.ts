import { ANY_IPV4, type Ipv4 } from '#machines/values/ip-address.ts';
import { type MacAddress, macFromBytes, macToBytes } from '#machines/values/mac-address.ts';
import { Cursor, textBytes, Writer } from './cursor.ts';
import { type Layout, type LayoutLimits, layOut } from './layout.ts';
import { type Area, readOptionAreas } from './option-areas.ts';
import { type Dhcp4Options, NO_OPTIONS, type RawOption } from './options.ts';

/** RFC 2131 §2, fields in the order of the wire. */
export type Dhcp4Message = {
  /** 1 from a client, 2 from a server. */
  readonly op: 1 | 2;
  /** 1 is Ethernet; InfiniBand is 32 with hlen 0 and is told apart by option 61. */
  readonly htype: number;
  readonly hlen: number;
  readonly hops: number;
  readonly xid: number;
  /** Some clients send it little-endian: a hint, no more. */
  readonly secs: number;
  /** Bit 15: answer by broadcast. */
  readonly flags: number;
  readonly ciaddr: Ipv4;
  readonly yiaddr: Ipv4;
  readonly siaddr: Ipv4;
  readonly giaddr: Ipv4;
  /** Always 16 bytes. */
  readonly chaddr: Uint8Array;
  /** At most 63 bytes. */
  readonly sname: string;
  /** At most 127 bytes ({@link fitsFile}). */
  readonly file: string;
  readonly options: Dhcp4Options;
};

export type DecodedDhcp4 =
  | {
      readonly kind: 'message';
      readonly message: Dhcp4Message;
      /** What was odd and how it was taken, for the log. */
      readonly notes: readonly string[];
    }
  | { readonly kind: 'malformed'; readonly because: string };

const CHADDR_BYTES = 16;
const SNAME_BYTES = 64;
const FILE_BYTES = 128;
const COOKIE = 0x6382_5363;
const BROADCAST = 0x8000;
const ETHERNET = 1;

// Offsets of the areas that may hold options; the fixed fields before them are read in order.
const FIXED_BYTES = 240;
const SNAME: Area = { name: 'sname', start: 44, end: 44 + SNAME_BYTES };
const FILE: Area = { name: 'file', start: SNAME.end, end: SNAME.end + FILE_BYTES };

/**
 * A message, or why there is none. Never throws. The message looks into `datagram` instead of copying it, so nobody
 * may write there while it is in use.
 */
export function decodeDhcp4(datagram: Uint8Array): DecodedDhcp4 {
  if (datagram.length < FIXED_BYTES) {
    return malformed(
      `datagram is ${datagram.length} ${datagram.length === 1 ? 'byte' : 'bytes'}, want at least ${FIXED_BYTES}`,
    );
  }
  // A Buffer's views are Buffers; past this line there are plain bytes only.
  const bytes =
    datagram.constructor === Uint8Array
      ? datagram
      : new Uint8Array(datagram.buffer, datagram.byteOffset, datagram.length);
  const cursor = new Cursor(bytes);
  const op = cursor.u8();
  if (op !== 1 && op !== 2) return malformed(`op is ${op}, want 1 or 2`);
  const htype = cursor.u8();
  const hlen = cursor.u8();
  if (hlen > CHADDR_BYTES) return malformed(`hlen is ${hlen}, want at most ${CHADDR_BYTES}`);
  const hops = cursor.u8();
  const xid = cursor.u32();
  const secs = cursor.u16();
  const flags = cursor.u16();
  const ciaddr = cursor.ip();
  const yiaddr = cursor.ip();
  const siaddr = cursor.ip();
  const giaddr = cursor.ip();
  const chaddr = cursor.bytes(CHADDR_BYTES);
  const sname = cursor.within(SNAME_BYTES);
  const file = cursor.within(FILE_BYTES);
  const cookie = cursor.u32();
  if (cookie !== COOKIE) return malformed(`cookie is ${cookie.toString(16).padStart(8, '0')}, want 63825363`);
  const { options, overloaded, notes } = readOptionAreas(bytes, {
    options: { name: 'options', start: FIXED_BYTES, end: bytes.length },
    file: FILE,
    sname: SNAME,
  });
  const message: Dhcp4Message = {
    op,
    htype,
    hlen,
    hops,
    xid,
    secs,
    flags,
    ciaddr,
    yiaddr,
    siaddr,
    giaddr,
    chaddr,
    sname: overloaded.sname ? '' : sname.paddedText(SNAME_BYTES),
    file: overloaded.file ? '' : file.paddedText(FILE_BYTES),
    options,
  };
  return { kind: 'message', message, notes };
}

const malformed = (because: string): DecodedDhcp4 => ({ kind: 'malformed', because });

/** BOOTP's smallest message (RFC 951): relays and ROMs drop shorter ones. */
const MIN_BYTES = 300;

/**
 * The message as bytes, at least 300. Order of options: 53, 54, those of `limits.requested` in that order, the rest as
 * they come, 82 last (RFC 3046 §2.1); the subnet mask always before the routers (RFC 2132 §3.3).
 *
 * Longer than `limits.maxBytes` only if what may not be dropped is longer. Throws RangeError for what only a bug can
 * bring: a field out of range, or `sname` and `file` too long.
 */
export function encodeDhcp4(message: Dhcp4Message, limits: LayoutLimits = {}): Uint8Array {
  const layout = layOut(message, limits);
  const writer = new Writer(Math.max(MIN_BYTES, FIXED_BYTES + layout.optionsBytes));
  writer.u8(message.op);
  writer.u8(message.htype);
  writer.u8(message.hlen);
  writer.u8(message.hops);
  writer.u32(message.xid);
  writer.u16(message.secs);
  writer.u16(message.flags);
  writer.ip(message.ciaddr);
  writer.ip(message.yiaddr);
  writer.ip(message.siaddr);
  writer.ip(message.giaddr);
  if (message.chaddr.length !== CHADDR_BYTES) throw new RangeError(`got chaddr of ${message.chaddr.length} bytes`);
  writer.copy(message.chaddr);
  if (layout.sname) writeArea(writer, layout.sname, SNAME_BYTES);
  else writer.paddedText(message.sname, SNAME_BYTES);
  if (layout.file) writeArea(writer, layout.file, FILE_BYTES);
  else writer.paddedText(message.file, FILE_BYTES);
  writer.u32(COOKIE);
  writeOptions(writer, layout);
  return writer.bytes;
}

const END = 255;
const MAX_OPTION = 255;

function writeOptions(writer: Writer, { options }: Layout): void {
  for (const option of options) writeOption(writer, option);
  writer.u8(END);
}

function writeArea(writer: Writer, options: readonly RawOption[], length: number): void {
  const before = writer.left;
  for (const option of options) writeOption(writer, option);
  writer.u8(END);
  writer.skip(length - (before - writer.left));
}

/** RFC 3396 §6: what does not fit one option goes on in the next of the same code. */
function writeOption(writer: Writer, { code, bytes, start, end }: RawOption): void {
  let from = start;
  do {
    const to = Math.min(end, from + MAX_OPTION);
    writer.u8(code);
    writer.u8(to - from);
    writer.copy(bytes, from, to);
    from = to;
  } while (from < end);
}

/** What `limits` would leave out of this message, by code; for the log and the trace. */
export const droppedToFit = (message: Dhcp4Message, limits: LayoutLimits): readonly number[] =>
  layOut(message, limits).dropped;

/** A message with nothing in it, to be spread into. */
export const EMPTY_DHCP4: Dhcp4Message = {
  op: 1,
  htype: ETHERNET,
  hlen: 6,
  hops: 0,
  xid: 0,
  secs: 0,
  flags: 0,
  ciaddr: ANY_IPV4,
  yiaddr: ANY_IPV4,
  siaddr: ANY_IPV4,
  giaddr: ANY_IPV4,
  chaddr: new Uint8Array(CHADDR_BYTES),
  sname: '',
  file: '',
  options: NO_OPTIONS,
};

/** The MAC in `chaddr`, if the client is on Ethernet. */
export function macOf({ htype, hlen, chaddr }: Dhcp4Message): MacAddress | undefined {
  return htype === ETHERNET && hlen === 6 ? macFromBytes(chaddr) : undefined;
}

export function chaddrOf(mac: MacAddress): Uint8Array {
  const chaddr = new Uint8Array(CHADDR_BYTES);
  chaddr.set(macToBytes(mac));
  return chaddr;
}

export const wantsBroadcast = ({ flags }: Dhcp4Message): boolean => (flags & BROADCAST) !== 0;

export const withBroadcast = (message: Dhcp4Message): Dhcp4Message => ({
  ...message,
  flags: message.flags | BROADCAST,
});

/** A boot file name that is longer goes into option 67 only. */
export const fitsFile = (name: string): boolean => textBytes(name).length < FILE_BYTES;
