import { once } from 'node:events';
import type { Supervisor } from './sockets/supervisor.ts';
import { type Task, task } from './task.ts';

/**
 * Signs of life to the supervisor, from the event loop that serves: one that is stuck gives none and is started anew.
 * At the end it is told that we are on our way out.
 */
export function supervision(supervisor: Supervisor): Task {
  return task('supervision', async (signal, listening) => {
    const { watchdogMs } = supervisor;
    const signs = watchdogMs && setInterval(() => supervisor.notify({ WATCHDOG: 1 }), watchdogMs / 2);
    listening(undefined);
    if (!signal.aborted) await once(signal, 'abort');
    clearInterval(signs);
    supervisor.notify({ STOPPING: 1 });
  });
}
