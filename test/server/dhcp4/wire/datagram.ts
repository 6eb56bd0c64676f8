import assert from 'node:assert/strict';
import { type DecodedDhcp4, type Dhcp4Message, decodeDhcp4 } from '#server/dhcp4/wire/message.ts';

type Parts = {
  readonly op?: number;
  readonly htype?: number;
  readonly hlen?: number;
  readonly cookie?: readonly number[];
  readonly sname?: readonly number[];
  readonly file?: readonly number[];
  /** All bytes after the cookie. */
  readonly options?: readonly number[];
};

export const END = 255;

/** A datagram laid out by hand, so that what is tested against does not come from the encoder. */
export function datagram({ op = 1, htype = 1, hlen = 6, cookie, sname, file, options = [] }: Parts): Uint8Array {
  const bytes = new Uint8Array(240 + options.length);
  bytes.set([op, htype, hlen]);
  bytes.set([0x52, 0x54, 0, 0xaa, 0xbb, 1], 28);
  bytes.set(sname ?? [], 44);
  bytes.set(file ?? [], 108);
  bytes.set(cookie ?? [0x63, 0x82, 0x53, 0x63], 236);
  bytes.set(options, 240);
  return bytes;
}

export const text = (value: string): readonly number[] => [...new TextEncoder().encode(value)];

export function decoded(bytes: Uint8Array): Extract<DecodedDhcp4, { kind: 'message' }> {
  const result = decodeDhcp4(bytes);
  assert.ok(result.kind === 'message', result.kind === 'malformed' ? result.because : '');
  return result;
}

export const messageOf = (bytes: Uint8Array): Dhcp4Message => decoded(bytes).message;

/** Options by code, as plain bytes: what two messages must share to say the same. */
export const optionBytes = ({ options }: Dhcp4Message): Record<number, readonly number[]> =>
  Object.fromEntries(options.map(({ code, bytes, start, end }) => [code, [...bytes.subarray(start, end)]]));
