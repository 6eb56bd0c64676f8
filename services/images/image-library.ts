import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import type { ImageDocument } from '#machines/contract/documents.ts';
import type { Registry } from '#services/registry/contract.ts';
import { type BlobLookup, lookAtFile, openToRead } from './blob.ts';
import type { Blob, ImageLibrary } from './contract.ts';

type Asset = ImageDocument['assets'][number];

/**
 * The assets of Image documents. A `path` is a file of this machine, looked at each time it is asked for, so a file that
 * an operator replaces is served from then on; if the document names its digest, the file must have it.
 */
export function openImages({ registry }: { readonly registry: Pick<Registry, 'image'> }): ImageLibrary {
  const digests = digestCache();

  async function look(name: string, asset: Asset): Promise<BlobLookup> {
    const { path, sha256 } = asset;
    if (path === undefined) return { kind: 'missing', because: `image ${name}: its ${asset.role} has no path` };
    if (!isAbsolute(path)) return { kind: 'missing', because: `image ${name}: got ${path}, want an absolute path` };
    const looked = await lookAtFile(path);
    if (looked.kind === 'missing' || sha256 === undefined) return looked;
    const digest = await digests.of(looked.blob);
    if (digest === sha256) return looked;
    return { kind: 'missing', because: `${path} has sha256 ${digest}, the image ${name} says ${sha256}` };
  }

  return {
    async asset(name, role, index) {
      const image = registry.image(name);
      if (!image) return { kind: 'missing', because: `image ${name} does not exist` };
      const ofRole = image.assets.filter((one) => one.role === role);
      const asset = ofRole[index];
      if (asset) return await look(name, asset);
      const count = ofRole.length === 0 ? `no ${role}` : `${ofRole.length} of role ${role}, asked for number ${index}`;
      return { kind: 'missing', because: `image ${name} has ${count}` };
    },
  };
}

/** Digests of files, each computed once as long as the file does not change. */
function digestCache() {
  const known = new Map<string, { readonly etag: string; readonly digest: Promise<string> }>();
  return {
    async of({ path, etag }: Blob): Promise<string> {
      const before = known.get(path);
      if (before?.etag === etag) return await before.digest;
      const digest = digestOf(path);
      known.set(path, { etag, digest });
      digest.catch(() => known.delete(path));
      return await digest;
    },
  };
}

async function digestOf(path: string): Promise<string> {
  const handle = await openToRead(path);
  const hash = createHash('sha256');
  for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
