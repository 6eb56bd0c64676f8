import { type Decoded, decoding, joined, malformed } from './cursor.ts';

/** Network functions, IPMI v2.0 table 5-1; an answer's is one higher. */
export const NET_FN = { chassis: 0x00, sensor: 0x04, app: 0x06, storage: 0x0a, transport: 0x0c, group: 0x2c } as const;

const BMC_ADDRESS = 0x20;
/** Software ID of a remote console, IPMI v2.0 table 5-4. */
const CONSOLE_ADDRESS = 0x81;

export type IpmiRequest = {
  readonly netFn: number;
  readonly cmd: number;
  /** rqSeq, 6 bits: stays the same when a request is sent again. */
  readonly seq: number;
  readonly data: Uint8Array;
};

export type IpmiResponse = {
  /** That of the request. */
  readonly netFn: number;
  readonly cmd: number;
  readonly seq: number;
  readonly completion: number;
  /** What follows the completion code. */
  readonly data: Uint8Array;
};

/** IPMI v2.0 §13.8: rsAddr, netFn and LUN, checksum, rqAddr, rqSeq and LUN, command, data, checksum. */
export function encodeRequest({ netFn, cmd, seq, data }: IpmiRequest): Uint8Array {
  const head = Uint8Array.of(BMC_ADDRESS, netFn << 2);
  const body = joined(Uint8Array.of(CONSOLE_ADDRESS, (seq & 0x3f) << 2, cmd), data);
  return joined(head, Uint8Array.of(checksum(head)), body, Uint8Array.of(checksum(body)));
}

/** The same with addresses swapped; both checksums must hold. Addresses are not looked at: few BMCs keep to them. */
export function decodeResponse(bytes: Uint8Array): Decoded<IpmiResponse> {
  return decoding(bytes, (read) => {
    const head = read.bytes(3, 'message header');
    if (sum(head) !== 0) malformed('the checksum of the message header is wrong');
    const body = read.rest();
    if (body.length < 5) malformed(`a message is ${bytes.length} bytes, want at least 8`);
    if (sum(body) !== 0) malformed('the checksum of the message is wrong');
    const function_ = (head[1] ?? 0) >>> 2;
    if ((function_ & 1) === 0) malformed(`network function is ${function_}: a request, want a response`);
    return {
      netFn: function_ - 1,
      seq: (body[1] ?? 0) >>> 2,
      cmd: body[2] ?? 0,
      completion: body[3] ?? 0,
      data: body.subarray(4, -1),
    };
  });
}

const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => (total + byte) & 0xff, 0);

/** Brings its span to zero, modulo 256. */
const checksum = (bytes: Uint8Array): number => -sum(bytes) & 0xff;
