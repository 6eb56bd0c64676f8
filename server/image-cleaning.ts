import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Garbage } from '#machines/contract/api/image-resource.ts';
import { collectGarbage, storedBytes } from '#services/images/collect-garbage.ts';
import type { Jobs } from '#services/jobs/contract.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { AuditEntry } from '#services/store/contract.ts';
import { type Task, task } from './task.ts';

/** Lists what no image needs in the folder of images, or removes it; never what an unfinished job sends. */
export function imageCleaner(parts: {
  readonly dir: string;
  readonly registry: Pick<Registry, 'documents'>;
  readonly jobs: Pick<Jobs, 'unfinished'>;
  readonly now: () => number;
}): (remove: boolean) => Promise<Garbage> {
  const { dir, registry, jobs, now } = parts;
  return async (remove) => {
    const images = registry.documents('Image');
    const plans = jobs.unfinished().flatMap(({ plan }) => plan ?? []);
    return await collectGarbage({
      dir,
      images: images.flatMap(({ document }) => (document.kind === 'Image' ? [document] : [])),
      held: new Set(plans.flatMap(({ imageSha256 }) => imageSha256 ?? [])),
      now: now(),
      remove,
    });
  };
}

/** Removes it every so often, where the folder holds more than `aboveBytes`. What was removed stands in the audit log. */
export function imageCleaning(parts: {
  readonly dir: string;
  readonly clean: ReturnType<typeof imageCleaner>;
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
