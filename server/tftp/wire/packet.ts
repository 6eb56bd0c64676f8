/** RFC 1350 §5; OACK is RFC 2347. */
export type TftpPacket =
  | {
      readonly kind: 'RRQ' | 'WRQ';
      readonly filename: string;
      readonly mode: string;
      readonly options: readonly TftpOption[];
    }
  | { readonly kind: 'DATA'; readonly block: number; readonly data: Uint8Array }
  | { readonly kind: 'ACK'; readonly block: number }
  | { readonly kind: 'ERROR'; readonly code: number; readonly text: string }
  | { readonly kind: 'OACK'; readonly options: readonly TftpOption[] };

/** Name and value as they stand on the wire: case and digits are the decision's business. */
export type TftpOption = { readonly name: string; readonly value: string };

export type DecodedTftp =
  | { readonly kind: 'packet'; readonly packet: TftpPacket }
  | { readonly kind: 'malformed'; readonly because: string };

const OPCODE = { RRQ: 1, WRQ: 2, DATA: 3, ACK: 4, ERROR: 5, OACK: 6 } as const;

/** RFC 1350 appendix; 8 is RFC 2347. */
export const TFTP_ERROR = {
  undefined: 0,
  notFound: 1,
  accessViolation: 2,
  diskFull: 3,
  illegalOperation: 4,
  unknownTransfer: 5,
  fileExists: 6,
  noSuchUser: 7,
  optionRefused: 8,
} as const;

/** Opcode and block number before the bytes of a DATA packet. */
export const DATA_HEADER_BYTES = 4;

/** Real clients send at most six options; the rest of a longer list is not looked at. */
const MAX_OPTIONS = 32;

class Malformed extends Error {}

/** Never throws, whatever the bytes; strings and data are copies or views of `bytes`. */
export function decodeTftp(bytes: Uint8Array): DecodedTftp {
  try {
    return { kind: 'packet', packet: packetOf(cursor(bytes)) };
  } catch (error) {
    if (error instanceof Malformed) return { kind: 'malformed', because: error.message };
    throw error;
  }
}

type Cursor = ReturnType<typeof cursor>;

function packetOf(read: Cursor): TftpPacket {
  const opcode = read.uint16('opcode');
  switch (opcode) {
    case OPCODE.RRQ:
    case OPCODE.WRQ: {
      const filename = read.text('file name');
      // Some boot ROMs leave out the last NUL, or the options' whole tail: a request is served as far as it is whole.
      const mode = read.text('mode', 'unterminated too');
      return { kind: opcode === OPCODE.RRQ ? 'RRQ' : 'WRQ', filename, mode, options: optionsOf(read) };
    }
    case OPCODE.DATA:
      return { kind: 'DATA', block: read.uint16('block number'), data: read.rest() };
    case OPCODE.ACK:
      return { kind: 'ACK', block: read.uint16('block number') };
    case OPCODE.ERROR:
      return {
        kind: 'ERROR',
        code: read.uint16('error code'),
        text: read.atEnd() ? '' : read.text('text', 'unterminated too'),
      };
    case OPCODE.OACK:
      return { kind: 'OACK', options: optionsOf(read) };
    default:
      throw new Malformed(`opcode is ${opcode}, want 1 to 6`);
  }
}

function optionsOf(read: Cursor): readonly TftpOption[] {
  const options: TftpOption[] = [];
  while (!read.atEnd() && options.length < MAX_OPTIONS) {
    const name = read.text('option name', 'unterminated too');
    // Padding after the mode (seen from ROMs that send a fixed-size buffer) reads as empty names.
    if (name === '' || read.atEnd()) break;
    options.push({ name, value: read.text('option value', 'unterminated too') });
  }
  return options;
}

/**
 * Reads a datagram from front to back. Text is netascii by the RFC and UTF-8 in practice; a byte that is neither
 * becomes U+FFFD, which no served name contains.
 */
function cursor(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  let at = 0;
  return {
    atEnd: () => at >= bytes.length,
    uint16(what: string): number {
      if (at + 2 > bytes.length) throw new Malformed(`${what} is missing: ${bytes.length} bytes in all`);
      at += 2;
      return view.getUint16(at - 2);
    },
    text(what: string, termination: 'terminated' | 'unterminated too' = 'terminated'): string {
      const end = bytes.indexOf(0, at);
      if (end < 0 && termination === 'terminated') throw new Malformed(`${what} has no end`);
      const text = utf8.decode(bytes.subarray(at, end < 0 ? bytes.length : end));
      at = end < 0 ? bytes.length : end + 1;
      return text;
    },
    rest(): Uint8Array {
      const rest = bytes.subarray(at);
      at = bytes.length;
      return rest;
    },
  };
}

/** Strings must hold no NUL: what we send is our own text, so one is a bug and throws. */
export function encodeTftp(packet: TftpPacket): Uint8Array {
  switch (packet.kind) {
    case 'RRQ':
    case 'WRQ':
      return packed(OPCODE[packet.kind], undefined, [packet.filename, packet.mode, ...optionStrings(packet.options)]);
    case 'DATA': {
      const bytes = new Uint8Array(DATA_HEADER_BYTES + packet.data.length);
      writeDataHeader(bytes, packet.block);
      bytes.set(packet.data, DATA_HEADER_BYTES);
      return bytes;
    }
    case 'ACK':
      return packed(OPCODE.ACK, packet.block, []);
    case 'ERROR':
      return packed(OPCODE.ERROR, packet.code, [packet.text]);
    case 'OACK':
      return packed(OPCODE.OACK, undefined, optionStrings(packet.options));
    default:
      return packet satisfies never;
  }
}

const optionStrings = (options: readonly TftpOption[]) => options.flatMap((option) => [option.name, option.value]);

function packed(opcode: number, number: number | undefined, strings: readonly string[]): Uint8Array {
  if (strings.some((text) => text.includes('\0'))) throw new RangeError('text holds a NUL');
  const tail = new TextEncoder().encode(strings.map((text) => `${text}\0`).join(''));
  const head = number === undefined ? 2 : 4;
  const bytes = new Uint8Array(head + tail.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, opcode);
  if (number !== undefined) view.setUint16(2, number);
  bytes.set(tail, head);
  return bytes;
}

/** Opcode and block of a DATA packet, written in place: the sender fills its buffers without making new ones. */
export function writeDataHeader(packet: Uint8Array, block: number): void {
  packet[0] = 0;
  packet[1] = OPCODE.DATA;
  packet[2] = block >>> 8;
  packet[3] = block & 0xff;
}

/** The block number of an ACK, or -1 for anything else: what nearly every datagram of a transfer is, read at no cost. */
export function ackBlock(bytes: Uint8Array): number {
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== OPCODE.ACK) return -1;
  return ((bytes[2] as number) << 8) | (bytes[3] as number);
}
