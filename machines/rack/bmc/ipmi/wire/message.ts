import type { Parsed } from '../../../../values/parsed.ts';
import { concat, malformed, readAll } from './byte-reader.ts';

/** An IPMI request as it comes over the LAN, v2.0 table 13-8. */
export type IpmiRequest = {
  /** Even; the answer's is one more. */
  readonly netFn: number;
  readonly command: number;
  readonly data: Uint8Array;
  /** Who is asked and who asks: addresses and logical units go back swapped, the number unchanged. */
  readonly route: {
    readonly responder: number;
    readonly responderLun: number;
    readonly requester: number;
    readonly requesterLun: number;
    readonly number: number;
  };
};

export function decodeRequest(message: Uint8Array): Parsed<IpmiRequest> {
  return readAll(message, (from): IpmiRequest => {
    const responder = from.byte();
    const netFnLun = from.byte();
    from.byte();
    if (sum(message.subarray(0, 3)) !== 0) malformed('the checksum of the address is wrong');
    const requester = from.byte();
    const numberLun = from.byte();
    const command = from.byte();
    if (from.left() < 1) malformed('the checksum of the data is missing');
    const data = from.take(from.left() - 1);
    if (sum(message.subarray(3)) !== 0) malformed('the checksum of the data is wrong');
    return {
      netFn: netFnLun >> 2,
      command,
      data,
      route: {
        responder,
        responderLun: netFnLun & 3,
        requester,
        requesterLun: numberLun & 3,
        number: numberLun >> 2,
      },
    };
  });
}

export function encodeResponse(request: IpmiRequest, completion: number, data: Uint8Array): Uint8Array {
  const { responder, responderLun, requester, requesterLun, number } = request.route;
  const head = Uint8Array.of(requester, ((request.netFn + 1) << 2) | requesterLun);
  const rest = concat([responder, (number << 2) | responderLun, request.command, completion], data);
  return concat(head, [-sum(head) & 0xff], rest, [-sum(rest) & 0xff]);
}

/** A span with its checksum adds up to nothing. */
function sum(bytes: Uint8Array): number {
  let total = 0;
  for (const byte of bytes) total += byte;
  return total & 0xff;
}
