import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import type { ImageDocument } from '#machines/contract/documents.ts';
import type { Logger } from 'pino';
import type { Registry } from '#services/registry/contract.ts';
import { type BlobLookup, lookAtFile, openToRead } from './blob.ts';
import type { Blob, ImageLibrary } from './contract.ts';
import { type DownloadLimits, downloads } from './downloads.ts';

type Asset = ImageDocument['assets'][number];

/**
 * The assets of Image documents. A `path` is a file of this machine, looked at each time it is asked for, so a file that
 * an operator replaces is served from then on; if the document names its digest, the file must have it. A `url` is
 * fetched in the background as soon as a document names it, and served from `dir`.
 *
 * Dispose of it to end the downloads.
 */
export function openImages({
  registry,
  dir,
  log,
  limits,
}: {
  readonly registry: Pick<Registry, 'image' | 'documents' | 'watch'>;
  readonly dir: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly limits?: DownloadLimits;
}): ImageLibrary & AsyncDisposable {
  const digests = digestCache();
  const fetched = downloads({ dir, log, ...(limits ? { limits } : {}) });
  const wantAll = (image: ImageDocument) => {
    for (const { url, sha256 } of image.assets) {
      if (url === undefined) continue;
      fetched.want({ url, sha256 }).catch((error: unknown) => log.warn({ err: error, url }, 'images cannot be kept'));
    }
  };
  for (const { document } of registry.documents('Image')) if (document.kind === 'Image') wantAll(document);
  const unwatch = registry.watch((change) => {
    if (change.kind === 'document' && change.document?.kind === 'Image') wantAll(change.document);
  });

  async function look(name: string, asset: Asset): Promise<BlobLookup> {
    if (asset.path !== undefined) return await lookAtPath(name, asset.path, asset.sha256);
    if (asset.url !== undefined) return await lookAtUrl(asset.url, asset.sha256);
    return { kind: 'missing', because: `image ${name}: its ${asset.role} has neither path nor url` };
  }

  async function lookAtPath(name: string, path: string, sha256: string | undefined): Promise<BlobLookup> {
    if (!isAbsolute(path)) return { kind: 'missing', because: `image ${name}: got ${path}, want an absolute path` };
    const looked = await lookAtFile(path);
    if (looked.kind === 'missing' || sha256 === undefined) return looked;
    const digest = await digests.of(looked.blob);
    if (digest === sha256) return looked;
    return { kind: 'missing', because: `${path} has sha256 ${digest}, the image ${name} says ${sha256}` };
  }

  async function lookAtUrl(url: string, sha256: string | undefined): Promise<BlobLookup> {
    const state = await fetched.want({ url, sha256 });
    switch (state.kind) {
      case 'here':
        return await lookAtFile(state.path);
      case 'waiting':
        return { kind: 'missing', because: `${url} is not here yet: it waits to be fetched` };
      case 'fetching':
        return {
          kind: 'missing',
          because: `${url} is not here yet: ${state.bytes} of ${state.size ?? '?'} bytes came`,
        };
      case 'failed':
        return { kind: 'missing', because: `${url} could not be fetched: ${state.because}` };
      default:
        return state satisfies never;
    }
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
    async [Symbol.asyncDispose]() {
      unwatch();
      await fetched[Symbol.asyncDispose]();
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
