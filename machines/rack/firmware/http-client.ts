import http from 'node:http';
import type { Ipv4 } from '#machines/values/ip-address.ts';

export type HttpRead = {
  readonly status: number;
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly location?: string | undefined;
};

/** A machine that waits longer has given up. */
const IDLE_LIMIT_MS = 30_000;

/**
 * One request from the machine's own address. Redirects are not followed, as no firmware follows them. Rejects when
 * the connection fails or the answer is cut off.
 */
export async function httpRead(request: {
  readonly local: Ipv4;
  readonly url: string;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly userAgent: string;
  /** Throw the bytes away and only count them: an image needs no memory in a rack of a thousand. */
  readonly discard: boolean;
  /** An answer that is longer is thrown away all the same. */
  readonly keepAtMost?: number;
  /** Hang up after so many bytes: the link broke. Rejects then. */
  readonly stopAfter?: number;
  readonly signal: AbortSignal;
}): Promise<HttpRead> {
  const { local, url, method, userAgent, discard, signal } = request;
  const { keepAtMost = Number.POSITIVE_INFINITY, stopAfter = Number.POSITIVE_INFINITY } = request;
  const { promise, resolve, reject } = Promise.withResolvers<HttpRead>();
  const headers = { 'user-agent': userAgent, connection: 'close' };
  const sent = http.request(
    url,
    { method, headers, localAddress: local, signal, agent: false, timeout: IDLE_LIMIT_MS },
    (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (!discard && length <= keepAtMost) chunks.push(chunk);
        else chunks.length = 0;
        if (length >= stopAfter) response.destroy(new Error(`the link broke after ${length} bytes`));
      });
      response.on('error', reject);
      response.on('end', () => {
        if (!response.complete) return reject(new Error('the answer was cut off'));
        const { statusCode: status = 0, headers: got } = response;
        return resolve({ status, bytes: Buffer.concat(chunks), length, location: got.location });
      });
    },
  );
  sent.on('error', reject);
  sent.on('timeout', () => sent.destroy(new Error(`nothing for ${IDLE_LIMIT_MS} ms`)));
  sent.end();
  return await promise;
}
