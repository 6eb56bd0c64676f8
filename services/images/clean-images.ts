import type { Garbage } from '#machines/contract/api/image-resource.ts';
import type { Jobs } from '#services/jobs/contract.ts';
import type { Registry } from '#services/registry/contract.ts';
import { collectGarbage } from './collect-garbage.ts';

export type ImageCleaner = (remove: boolean) => Promise<Garbage>;

/** Lists what no image needs in the folder of images, or removes it; never what an unfinished job sends. */
export function imageCleaner(parts: {
  readonly dir: string;
  readonly registry: Pick<Registry, 'documents'>;
  readonly jobs: Pick<Jobs, 'unfinished'>;
  readonly now: () => number;
}): ImageCleaner {
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
