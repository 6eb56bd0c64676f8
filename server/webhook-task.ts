import { type TellParts, toldEvents } from '#services/webhooks/told-events.ts';
import type { Webhooks } from '#services/webhooks/webhooks.ts';
import { type Task, task } from './task.ts';

/** Listens to what happens for as long as the daemon runs, and delivers it. */
export function webhookTask({ webhooks, ...parts }: TellParts & { readonly webhooks: Webhooks }): Task {
  return task('webhooks', async (signal, listening) => {
    const stop = toldEvents(parts, (event, data) => webhooks.tell(event, data));
    listening(undefined);
    try {
      await webhooks.run(signal);
    } finally {
      stop();
    }
  });
}
