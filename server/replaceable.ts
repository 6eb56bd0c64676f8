import { type Task, task } from './task.ts';

export type Replaceable<Settings, Ready, More> = {
  readonly task: Task<Ready>;
  /** The one that runs now. */
  readonly current: () => Task<Ready> & More;
  /**
   * Stops the part and runs another in its place; resolves when that is ready. Where it does not come up the settings
   * from before come back, and it rejects with the reason once they are. One after another, while the task runs.
   */
  replace(settings: Settings): Promise<void>;
};

/**
 * A part of the daemon that is made anew when its settings change, while all others go on. It ends as a task does: when
 * it is aborted, or when the part fails by itself.
 */
export function replaceable<Settings, Ready, More>(
  make: (settings: Settings) => Task<Ready> & More,
  first: Settings,
): Replaceable<Settings, Ready, More> {
  type Wish = { readonly settings: Settings; readonly done: PromiseWithResolvers<void> };
  const turnOf = (settings: Settings) => ({ settings, part: make(settings), stop: new AbortController() });
  let turn = turnOf(first);
  let wish: Wish | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const whole = task<Ready>(turn.part.name, async (signal, listening) => {
    turn.part.ready.then(listening, () => {});
    /** What runs was wished for and is not ready yet: the wish, and what ran before. */
    let trial: { readonly wish: Wish; readonly before: Settings } | undefined;
    for (;;) {
      const { part, stop, settings } = turn;
      const failure = await part.run(AbortSignal.any([signal, stop.signal])).then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      if (failure && trial) {
        const { done } = trial.wish;
        turn = turnOf(trial.before);
        turn.part.ready.then(
          () => done.reject(failure.error),
          () => done.reject(failure.error),
        );
        trial = undefined;
        continue;
      }
      if (failure) throw failure.error;
      if (wish === undefined || signal.aborted) return;
      const begun: Wish = wish;
      wish = undefined;
      trial = { wish: begun, before: settings };
      turn = turnOf(begun.settings);
      const succeed = (): void => {
        trial = undefined;
        begun.done.resolve();
      };
      turn.part.ready.then(succeed, () => {});
    }
  });

  return {
    task: {
      ...whole,
      async run(signal) {
        try {
          await whole.run(signal);
        } finally {
          wish?.done.reject(new Error(`${whole.name} has ended`));
          wish = undefined;
        }
      },
    },
    current: () => turn.part,
    replace(settings) {
      const work = (): Promise<void> => {
        const done = Promise.withResolvers<void>();
        wish = { settings, done };
        turn.stop.abort();
        return done.promise;
      };
      const result = last.then(work, work);
      last = result.catch(() => {});
      return result;
    },
  };
}
