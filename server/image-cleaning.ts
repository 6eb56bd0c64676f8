import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ImageCleaner } from '#services/images/clean-images.ts';
import { storedBytes } from '#services/images/collect-garbage.ts';
import type { AuditEntry } from '#services/store/contract.ts';
import { type Task, task } from './task.ts';

/** Removes what no image needs every so often, where the folder holds more than `aboveBytes`. What was removed stands in the audit log. */
export function imageCleaning(parts: {
  readonly dir: string;
  readonly clean: ImageCleaner;
  readonly everyMs: number;
  readonly aboveBytes: number;
  readonly audit: (entry: Omit<AuditEntry, 'at'>) => Promise<void>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}): Task<void> {
  const { dir, clean, everyMs, aboveBytes, audit, log } = parts;
  async function once(): Promise<void> {
    if ((await storedBytes(dir)) <= aboveBytes) return;
    const { items, bytes } = await clean(true);
    if (items.length === 0) return;
    const detail = `${items.length} files, ${bytes} bytes`;
    await audit({ who: 'schedule', action: 'images cleaned', target: 'images', detail });
    log.info({ files: items.length, bytes }, 'what no image needs was removed');
  }
  return task('image cleaning', async (signal, listening) => {
    listening();
    while (!signal.aborted) {
      await sleep(everyMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      await once().catch((err: unknown) => log.warn({ err }, 'the folder of images could not be cleaned'));
    }
  });
}
