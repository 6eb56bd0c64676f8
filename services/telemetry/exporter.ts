import type { Logger } from 'pino';
import { type Attributes, encodeSpans, type Span } from './wire/otlp.ts';

const BATCH = 512;
const GATHER_MS = 2000;
const ANSWER_MS = 10_000;
/** What waits for a collector that is away is bounded; the oldest go first, and are counted. */
export const MAX_WAITING = 10_000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;

/** Takes spans and sends them on. */
export interface SpanExporter {
  add(spans: readonly Span[]): void;
  counts(): { readonly sent: number; readonly dropped: number };
  /** Until the signal aborts; what waits then is tried once more. */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * OTLP over HTTP in JSON. Of answers, 429, 502, 503 and 504 are tried again and all others are final, as the OTLP
 * specification has it ("Failures", retryable response codes). Redirects are not followed.
 */
export function otlpExporter(parts: {
  /** `http://127.0.0.1:4318/v1/traces` */
  readonly url: string;
  readonly resource: Attributes;
  readonly version: string;
  readonly log: Pick<Logger, 'warn'>;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}): SpanExporter {
  const { url, resource, version, log, sleep } = parts;
  let waiting: Span[] = [];
  let sent = 0;
  let dropped = 0;
  let complained = false;
  let wake: (() => void) | undefined;

  async function send(spans: readonly Span[], signal: AbortSignal): Promise<'done' | 'again'> {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'user-agent': `ingot/${version}` },
        body: encodeSpans(spans, { resource, scope: { name: 'ingot', version } }),
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
      });
      await response.body?.cancel();
      if (response.ok) {
        sent += spans.length;
        complained = false;
        return 'done';
      }
      complain(`it answered ${response.status}`);
      if ([429, 502, 503, 504].includes(response.status)) return 'again';
      dropped += spans.length;
      return 'done';
    } catch (error) {
      complain(
        error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error),
      );
      return 'again';
    }
  }

  /** Once for each time that it is away. */
  function complain(because: string): void {
    if (!complained) log.warn({ url, because }, 'traces are not received');
    complained = true;
  }

  const more = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
      if (waiting.length > 0 || signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });

  return {
    add(spans) {
      waiting.push(...spans);
      if (waiting.length > MAX_WAITING) {
        dropped += waiting.length - MAX_WAITING;
        waiting = waiting.slice(-MAX_WAITING);
      }
      wake?.();
    },
    counts: () => ({ sent, dropped }),
    async run(signal) {
      let failures = 0;
      while (!signal.aborted) {
        await more(signal);
        await sleep(
          failures === 0 ? GATHER_MS : Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS),
          signal,
        ).catch(() => {});
        const batch = waiting.splice(0, BATCH);
        if (batch.length === 0) continue;
        const outcome = await send(batch, AbortSignal.timeout(ANSWER_MS));
        failures = outcome === 'done' ? 0 : failures + 1;
        if (outcome === 'again') waiting.unshift(...batch);
      }
      while (waiting.length > 0) {
        if ((await send(waiting.splice(0, BATCH), AbortSignal.timeout(ANSWER_MS / 4))) === 'again') return;
      }
    },
  };
}
