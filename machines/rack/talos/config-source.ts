import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { Ipv4 } from '../../values/ip-address.ts';
import { httpRead } from '../firmware/http-client.ts';
import { configUrl, type Asking } from './decide/kernel-line.ts';

/** What can be given at most: configurations of real clusters have tens of KiB. */
const MAX_BYTES = 8 << 20;
const MAX_REDIRECTS = 10;

/** One try. `none`: the server answered that there is nothing, which is no reason to wait in maintenance. */
export type Download =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'none'; readonly because: string }
  | { readonly kind: 'failed'; readonly because: string };

/** A plain GET from the machine's own address, redirects followed, unpacked where it is gzip. */
export async function downloadConfig(
  written: string,
  given: { readonly asking: Asking; readonly local: Ipv4; readonly signal: AbortSignal },
): Promise<Download> {
  const { local, signal } = given;
  try {
    let url = configUrl(written, given.asking);
    for (let hop = 0; hop < MAX_REDIRECTS; hop++) {
      const ask = { local, url, method: 'GET', userAgent: 'Go-http-client/1.1', discard: false, signal } as const;
      const got = await httpRead({ ...ask, keepAtMost: MAX_BYTES });
      if (got.location !== undefined && got.status >= 300 && got.status < 400) {
        url = new URL(got.location, url).href;
        continue;
      }
      if (got.status === 204 || (got.status === 200 && got.bytes.length === 0)) {
        return { kind: 'none', because: 'config data is empty' };
      }
      if (got.status !== 200) return { kind: 'failed', because: `failed to download config, got status ${got.status}` };
      const { bytes } = got;
      const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes, { maxOutputLength: MAX_BYTES }) : bytes;
      return { kind: 'text', text: new TextDecoder().decode(plain) };
    }
    return { kind: 'failed', because: `more than ${MAX_REDIRECTS} redirects` };
  } catch (cause) {
    signal.throwIfAborted();
    return { kind: 'failed', because: cause instanceof Error ? cause.message : String(cause) };
  }
}

/** Before the next try: twice as long each time up to a limit, and a fifth of it by chance. Milliseconds. */
export async function waitBeforeRetry(
  tries: number,
  times: { readonly retryMs: number; readonly maxRetryMs: number },
  signal: AbortSignal,
): Promise<void> {
  const ms = Math.min(times.maxRetryMs, times.retryMs * 2 ** Math.min(tries, 16));
  await sleep(ms * (0.9 + Math.random() * 0.2), undefined, { signal });
}
