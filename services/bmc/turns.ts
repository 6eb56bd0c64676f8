/** Who goes first where several wait. */
export type Urgency = 'command' | 'poll';

/** So many at once; who waits goes in the order of asking, commands before polls. */
export type Turns = {
  /** A turn ends when it is disposed of. Rejects with the signal's reason when that aborts first. */
  take(urgency: Urgency, signal: AbortSignal): Promise<Disposable>;
  waiting(): number;
  taken(): number;
};

export function openTurns(limit: number): Turns {
  const queues: Readonly<Record<Urgency, Set<() => void>>> = { command: new Set(), poll: new Set() };
  let taken = 0;

  function end(): void {
    taken -= 1;
    for (const queue of [queues.command, queues.poll]) {
      const [next] = queue;
      if (!next) continue;
      queue.delete(next);
      taken += 1;
      next();
      return;
    }
  }

  const turn = (): Disposable => {
    let over = false;
    return {
      [Symbol.dispose]() {
        if (over) return;
        over = true;
        end();
      },
    };
  };

  return {
    async take(urgency, signal) {
      signal.throwIfAborted();
      if (taken < limit) {
        taken += 1;
        return turn();
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const mine = (): void => resolve();
      const leave = (): void => {
        if (queues[urgency].delete(mine)) reject(signal.reason as Error);
      };
      queues[urgency].add(mine);
      signal.addEventListener('abort', leave, { once: true });
      try {
        await promise;
      } finally {
        signal.removeEventListener('abort', leave);
      }
      return turn();
    },
    waiting: () => queues.command.size + queues.poll.size,
    taken: () => taken,
  };
}
