import type { Attempt, VerdictCode } from '#machines/contract/trace.ts';
import { waitFor } from '#test/lab/wait.ts';
import type { Daemon } from './daemon.ts';

/** Every state of every boot attempt that a daemon tells of, as a watcher of its API sees them. */
export type Verdicts = AsyncDisposable & {
  /** All states of a MAC's attempts so far, oldest first. */
  of(mac: string): readonly Attempt[];
  /** Every verdict that the MAC's attempts have had, also for a moment. */
  codes(mac: string): ReadonlySet<VerdictCode>;
  /** Waits until an attempt of the MAC has this verdict; rejects with what it had instead. */
  until(mac: string, code: VerdictCode, limitMs: number): Promise<Attempt>;
};

/** Follows `/api/v1/watch` until it is disposed of. */
export async function watchVerdicts(daemon: Pick<Daemon, 'ready' | 'token'>): Promise<Verdicts> {
  const stop = new AbortController();
  const states: Attempt[] = [];
  const answer = await fetch(new URL('/api/v1/watch?kinds=attempt', daemon.ready.api), {
    headers: { authorization: `Bearer ${daemon.token}` },
    signal: stop.signal,
  });
  if (!answer.ok || !answer.body) throw new Error(`watch answered ${answer.status}`);
  const reading = readEvents(answer.body, (text) => {
    const event = JSON.parse(text) as { readonly kind: string; readonly attempt: Attempt };
    if (event.kind === 'attempt') states.push(event.attempt);
    if (event.kind === 'reset') throw new Error('the watch missed something');
  });
  let broken: unknown;
  const settled = reading.catch((cause: unknown) => {
    if (!stop.signal.aborted) broken = cause;
  });
  const of = (mac: string) => states.filter((one) => one.mac === mac);
  return {
    of,
    codes: (mac) => new Set(of(mac).map(({ verdict }) => verdict.code)),
    async until(mac, code, limitMs) {
      try {
        return await waitFor(
          `the verdict ${code}`,
          () => {
            if (broken) throw broken instanceof Error ? broken : new Error('the watch broke off');
            return of(mac).find(({ verdict }) => verdict.code === code);
          },
          limitMs,
        );
      } catch (cause) {
        const had = of(mac).at(-1);
        throw new Error(`${mac} never was ${code}; last: ${JSON.stringify(had?.verdict)}`, { cause });
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await settled;
    },
  };
}

/** The data of each message of an event stream. */
async function readEvents(body: ReadableStream<Uint8Array>, onData: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const messages = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = messages.pop() ?? '';
    for (const message of messages) {
      const data = message.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []));
      if (data.length > 0) onData(data.join('\n'));
    }
  }
}
