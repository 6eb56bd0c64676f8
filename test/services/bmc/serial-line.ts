import { once } from 'node:events';
import type { BmcConsole, BmcDriver, BmcError } from '#services/bmc/contract.ts';
import { virtualClock } from './virtual-clock.ts';
import { fakeMachine } from './fake-driver.ts';

/** A BMC's serial line that a test speaks for: one console at a time, as boards have it. */
export function openSerialLine() {
  let open = 0;
  let asked = 0;
  let count = 0;
  let held = false;
  let failure: BmcError | undefined;
  let current: { push(bytes: Uint8Array): void; end(): void } | undefined;

  async function console(signal: AbortSignal): Promise<BmcConsole> {
    asked += 1;
    if (failure) throw failure;
    if (held) {
      held = false;
      await once(signal, 'abort');
    }
    signal.throwIfAborted();
    if (open > 0) throw new Error('two consoles are open at once');
    open += 1;
    count += 1;
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, { highWaterMark: 1000 });
    const writer = writable.getWriter();
    const end = (): void => void writer.close().catch(() => {});
    signal.addEventListener('abort', end, { once: true });
    current = { push: (bytes) => void writer.write(bytes).catch(() => {}), end };
    let closed = false;
    return {
      output: readable,
      async write() {},
      async [Symbol.asyncDispose]() {
        if (closed) return;
        closed = true;
        end();
        open -= 1;
      },
    };
  }

  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise(setImmediate);
  };
  return {
    async driver(): Promise<BmcDriver> {
      return { ...(await fakeMachine({ clock: virtualClock() }).open()), console };
    },
    says: (text: string) => current?.push(Buffer.from(text)),
    /** The BMC ends it. */
    drops: () => current?.end(),
    /** The next one does not open before it is given up. */
    hold: () => void (held = true),
    fails: (error: BmcError) => void (failure = error),
    open: () => open,
    count: () => count,
    asked: (times: number) => until(() => asked >= times),
    opened: (times: number) => until(() => count >= times && open > 0),
    closed: () => until(() => open === 0),
  };
}
