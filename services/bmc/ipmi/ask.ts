/**
 * Sends, and again after each wait but the last, until an answer comes: that, or undefined when the last wait is over.
 * Rejects with the signal's reason, or with what `fail` is given.
 */
export async function ask<T>(question: {
  readonly send: (attempt: number) => void;
  /** Milliseconds after each send: as many sends as waits. */
  readonly waits: readonly number[];
  /** Starts listening; what it returns stops it. */
  readonly listen: (give: (answer: T) => void, fail: (error: Error) => void) => () => void;
  readonly signal: AbortSignal;
}): Promise<T | undefined> {
  const { send, waits, listen, signal } = question;
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
  let timer: NodeJS.Timeout | undefined;
  const leave = (): void => reject(signal.reason as Error);
  const stop = listen(resolve, reject);
  signal.addEventListener('abort', leave, { once: true });
  const attempt = (index: number): void => {
    const wait = waits[index];
    if (wait === undefined) return resolve(undefined);
    timer = setTimeout(() => attempt(index + 1), wait);
    send(index);
  };
  try {
    attempt(0);
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
    stop();
  }
}
