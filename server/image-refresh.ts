import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ImageLibrary } from '#services/images/contract.ts';
import { type Task, task } from './task.ts';

/** Looks anew, every so often, for files of images that are named by no digest, such as `debian@12`. */
export function imageRefresh(parts: {
  readonly images: Pick<ImageLibrary, 'refresh'>;
  readonly everyMs: number;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}): Task<void> {
  const { images, everyMs, log } = parts;
  return task('image refresh', async (signal, listening) => {
    listening();
    while (!signal.aborted) {
      await sleep(everyMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      for (const { url, kind, because } of await images.refresh()) {
        if (kind === 'changed') log.info({ url }, because);
        else log.warn({ url, because }, 'whether there is a newer image could not be seen');
      }
    }
  });
}
