import { createHash } from 'node:crypto';
import { basename, isAbsolute, join } from 'node:path';
import type { FileVerification } from '#machines/contract/api/image-resource.ts';
import type { ImageAsset, ImageDocument } from '#machines/contract/documents.ts';
import type { Logger } from 'pino';
import type { Registry } from '#services/registry/contract.ts';
import { type BlobLookup, lookAtFile, openToRead } from './blob.ts';
import type { AssetState, Blob, ImageLibrary } from './contract.ts';
import { type DownloadLimits, downloads, fetchSmall, type Mirror, mirrored, remoteOf } from './downloads.ts';
import { readRecord } from './records.ts';

/** Somebody waits for an answer. */
const SMALL_MS = 30_000;

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
  mirrors = [],
  isOwn = async () => false,
}: {
  readonly registry: Pick<Registry, 'image' | 'documents' | 'watch'>;
  readonly dir: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly limits?: DownloadLimits;
  readonly mirrors?: readonly Mirror[];
  /** Is this file the daemon's own? Then it is no image. */
  readonly isOwn?: (path: string) => Promise<boolean>;
}): ImageLibrary & AsyncDisposable {
  const digests = digestCache();
  const fetched = downloads({ dir, log, mirrors, ...(limits ? { limits } : {}) });
  const wantAll = (image: ImageDocument) => {
    for (const asset of image.assets) {
      const { url } = asset;
      if (url === undefined) continue;
      fetched
        .want(remoteOf(url, asset))
        .catch((error: unknown) => log.warn({ err: error, url }, 'images cannot be kept'));
    }
  };
  for (const { document } of registry.documents('Image')) if (document.kind === 'Image') wantAll(document);
  const unwatch = registry.watch((change) => {
    if (change.kind === 'document' && change.document?.kind === 'Image') wantAll(change.document);
  });

  async function state(name: string, asset: ImageAsset): Promise<AssetState> {
    if (asset.path !== undefined) return await stateOfPath(name, asset.path, asset.sha256);
    if (asset.url !== undefined) return await stateOfUrl(asset.url, asset);
    if (asset.sha256 !== undefined) return await stateOfUpload(name, asset.role, asset.sha256);
    return { kind: 'missing', because: `image ${name}: its ${asset.role} has neither path nor url` };
  }

  async function stateOfPath(name: string, path: string, sha256: string | undefined): Promise<AssetState> {
    if (!isAbsolute(path)) return { kind: 'missing', because: `image ${name}: got ${path}, want an absolute path` };
    if (await isOwn(path)) return { kind: 'missing', because: `${path} is the daemon’s own, and no image` };
    const looked = await lookAtFile(path);
    if (looked.kind === 'missing') return looked;
    const { blob } = looked;
    if (sha256 === undefined) return { kind: 'ready', blob, sha256: await digests.known(blob) };
    const digest = await digests.of(blob);
    if (digest === sha256) return { kind: 'ready', blob, sha256 };
    return { kind: 'missing', because: `${path} has sha256 ${digest}, the image ${name} says ${sha256}` };
  }

  async function stateOfUpload(name: string, role: string, sha256: string): Promise<AssetState> {
    const looked = await lookAtFile(join(dir, sha256));
    if (looked.kind === 'found') return { kind: 'ready', blob: looked.blob, sha256 };
    return {
      kind: 'missing',
      because: `the ${role} of image ${name} (sha256 ${sha256}) is not here: give it with ingot image add ${name} FILE`,
    };
  }

  async function stateOfUrl(url: string, asset: ImageAsset): Promise<AssetState> {
    const fetching = await fetched.want(remoteOf(url, asset));
    switch (fetching.kind) {
      case 'here': {
        const looked = await lookAtFile(fetching.path);
        if (looked.kind === 'missing') return looked;
        return { kind: 'ready', blob: looked.blob, sha256: basename(fetching.path) };
      }
      case 'waiting':
        return { kind: 'waiting', because: `${url} is not here yet: it waits to be fetched` };
      case 'fetching': {
        const { bytes, size } = fetching;
        return {
          kind: 'fetching',
          because: `${url} is not here yet: ${bytes} of ${size ?? '?'} bytes came`,
          bytes,
          size,
        };
      }
      case 'failed':
        return { kind: 'missing', because: `${url} could not be fetched: ${fetching.because}` };
      default:
        return fetching satisfies never;
    }
  }

  async function look(name: string, asset: ImageAsset): Promise<BlobLookup> {
    const found = await state(name, asset);
    return found.kind === 'ready' ? { kind: 'found', blob: found.blob } : { kind: 'missing', because: found.because };
  }

  async function verify(name: string, asset: ImageAsset): Promise<FileVerification> {
    const found = await state(name, asset);
    if (found.kind !== 'ready') return { kind: 'missing', text: found.because };
    const { path, size } = found.blob;
    const is = await digestsOfFile(path);
    const wanted = [
      ['sha256', is.sha256, asset.sha256 ?? found.sha256],
      ['sha512', is.sha512, asset.sha512],
    ] as const;
    const wrong = wanted.find(([, got, want]) => want !== undefined && got !== want);
    const read = { bytes: size, sha256: is.sha256 };
    if (wrong) return { kind: 'wrong', text: `${path} has ${wrong[0]} ${wrong[1]}, want ${wrong[2] ?? ''}`, ...read };
    const compared = wanted.flatMap(([kind, , want]) => (want === undefined ? [] : [kind]));
    const text = compared.length === 0 ? 'read to its end; no digest is known to compare with' : compared.join(', ');
    return { kind: 'right', text, ...read };
  }

  return {
    state,
    verify,
    async refresh() {
      const found: Awaited<ReturnType<ImageLibrary['refresh']>>[number][] = [];
      for (const { document } of registry.documents('Image')) {
        for (const asset of document.kind === 'Image' ? document.assets : []) {
          const { url } = asset;
          if (url === undefined) continue;
          try {
            const because = `image ${document.name}: there is a newer one`;
            if ((await fetched.refresh(remoteOf(url, asset))) === 'changed')
              found.push({ url, kind: 'changed', because });
          } catch (error) {
            found.push({ url, kind: 'failed', because: error instanceof Error ? error.message : String(error) });
          }
        }
      }
      return found;
    },
    small: (url) =>
      fetchSmall(mirrored(url, mirrors), {
        idleMs: limits?.idleMs ?? SMALL_MS,
        signal: AbortSignal.timeout(SMALL_MS),
      }),
    checked: async (sha256) => (await readRecord(dir, sha256))?.checked ?? [],
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
    /** What it had when it was computed last, if the file is the same since. */
    async known({ path, etag }: Blob): Promise<string | undefined> {
      const before = known.get(path);
      return before?.etag === etag ? await before.digest : undefined;
    },
  };
}

async function digestOf(path: string): Promise<string> {
  const handle = await openToRead(path);
  const hash = createHash('sha256');
  for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function digestsOfFile(path: string): Promise<{ readonly sha256: string; readonly sha512: string }> {
  const handle = await openToRead(path);
  const [sha256, sha512] = [createHash('sha256'), createHash('sha512')];
  for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20 })) {
    sha256.update(chunk as Buffer);
    sha512.update(chunk as Buffer);
  }
  return { sha256: sha256.digest('hex'), sha512: sha512.digest('hex') };
}
