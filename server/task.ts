/**
 * A long-running part of the daemon.
 *
 * `run` opens what the part needs, serves until the signal aborts, closes everything it opened and only then settles.
 * It rejects when the part cannot go on; nothing inside restarts it. `ready` resolves once it is really listening, and
 * rejects when `run` ends before that. A task runs once.
 */
export type Task<Ready = unknown> = {
  readonly name: string;
  readonly ready: Promise<Ready>;
  run(signal: AbortSignal): Promise<void>;
};

/**
 * Builds a task from its body, which is told when it listens by calling `listening`.
 *
 * The body gets the signal and must return after it aborts.
 */
export function task<Ready>(
  name: string,
  body: (signal: AbortSignal, listening: (ready: Ready) => void) => Promise<void>,
): Task<Ready> {
  const { promise: ready, resolve, reject } = Promise.withResolvers<Ready>();
  ready.catch(() => {});
  return {
    name,
    ready,
    async run(signal) {
      try {
        await body(signal, resolve);
        reject(new Error(`${name} ended before it was listening`));
      } catch (cause) {
        reject(cause);
        throw new Error(`${name} failed`, { cause });
      }
    },
  };
}

/**
 * Runs all tasks until the signal aborts or one of them ends; then stops the others and waits for them.
 *
 * Rejects with every error that occurred: the one error itself, or an `AggregateError`. A task that ends by itself
 * without an error, while nobody asked it to, counts as an error.
 */
export async function runTogether(signal: AbortSignal, tasks: readonly Task[]): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const outcomes = await Promise.allSettled(
    tasks.map(async (one) => {
      try {
        await one.run(both);
        if (!both.aborted) throw new Error(`${one.name} ended by itself`);
      } finally {
        stop.abort();
      }
    }),
  );
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, 'several parts of the daemon failed');
}
