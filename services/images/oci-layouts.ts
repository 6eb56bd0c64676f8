import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { type BlobLookup, lookAtFile } from './blob.ts';

/** Of `index.json` and of manifests (OCI image spec 1.1, "Image Index") what is needed to find them. */
const descriptor = z.looseObject({
  mediaType: z.string().max(255),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  annotations: z.record(z.string(), z.string()).optional(),
});
const index = z.looseObject({ manifests: z.array(descriptor).max(10_000) });
const manifest = z.looseObject({
  mediaType: z.string().max(255).optional(),
  manifests: z.array(z.unknown()).optional(),
});

const REF_NAME = 'org.opencontainers.image.ref.name';
const MAX_JSON_BYTES = 8 << 20;
const MAX_DEPTH = 4;

export type LaidOutImage = { readonly reference: string; readonly digest: string; readonly mediaType: string };

/** Images for registries, as `skopeo copy … oci:DIR:NAME:TAG` and unpacked archives leave them below one folder. */
export type OciLayouts = {
  /** As the folder has it now. Layouts that cannot be read are told in `problems`. */
  images(): Promise<{ readonly images: readonly LaidOutImage[]; readonly problems: readonly string[] }>;
  /** The file of a digest, in whichever layout it lies. */
  blob(digest: string): Promise<BlobLookup>;
  /** The media type that a manifest has: what it says of itself, else what its shape is. */
  manifestType(path: string): Promise<string | undefined>;
};

/**
 * Each folder below `dir` with an `oci-layout` in it, and `dir` itself. An image whose index names no repository but
 * only a tag has the path of its folder as its name.
 */
export function openOciLayouts(dir: string): OciLayouts {
  async function layouts(): Promise<readonly string[]> {
    const found: string[] = [];
    async function walk(at: string, depth: number): Promise<void> {
      const entries = await readdir(at, { withFileTypes: true }).catch(() => []);
      if (entries.some(({ name }) => name === 'oci-layout')) return void found.push(at);
      if (depth === MAX_DEPTH) return;
      for (const entry of entries) if (entry.isDirectory()) await walk(join(at, entry.name), depth + 1);
    }
    await walk(dir, 0);
    return found.toSorted();
  }

  return {
    async images() {
      const images: LaidOutImage[] = [];
      const problems: string[] = [];
      for (const layout of await layouts()) {
        const path = join(layout, 'index.json');
        const read = index.safeParse(await readJson(path));
        if (!read.success) {
          problems.push(`${path} is no index of an OCI layout`);
          continue;
        }
        for (const { mediaType, digest, annotations = {} } of read.data.manifests) {
          const named = annotations[REF_NAME] ?? 'latest';
          const folder = relative(dir, layout).replaceAll('\\', '/');
          images.push({ reference: /[/:]/.test(named) ? named : `${folder}:${named}`, digest, mediaType });
        }
      }
      return { images, problems };
    },
    async blob(digest) {
      const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
      if (hex === undefined) return { kind: 'missing', because: `${digest} is no digest` };
      for (const layout of await layouts()) {
        const looked = await lookAtFile(join(layout, 'blobs', 'sha256', hex));
        if (looked.kind === 'found') return looked;
      }
      return { kind: 'missing', because: `no layout below ${dir} has ${digest}` };
    },
    async manifestType(path) {
      const read = manifest.safeParse(await readJson(path));
      if (!read.success) return undefined;
      const kind = read.data.manifests ? 'index' : 'manifest';
      return read.data.mediaType ?? `application/vnd.oci.image.${kind}.v1+json`;
    },
  };
}

async function readJson(path: string): Promise<unknown> {
  try {
    if ((await stat(path)).size > MAX_JSON_BYTES) return undefined;
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
