import { readFile } from 'node:fs/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ImageDocument, ProfileDocument } from '#machines/contract/documents.ts';
import { makeProblem } from '#machines/contract/api/problem.ts';
import { CATALOG, nameOfReference, parseReference, resolveReference } from '#machines/os/catalog/catalog.ts';
import type { Resolved } from '#machines/os/catalog/entry.ts';
import type { ImageLibrary } from '#services/images/contract.ts';
import { imageCleaner } from '#services/images/clean-images.ts';
import { imageState } from '#services/images/image-states.ts';
import { respond } from '../../http/respond.ts';
import { type Handlers, invalid, notFound, problemAnswer, problemOf } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';
import { SECURITY_HEADERS, sendProblem } from '../guard.ts';
import { change } from './machines.ts';

type Names =
  | 'listImageStates'
  | 'getImageState'
  | 'verifyImageFile'
  | 'getUpload'
  | 'putUpload'
  | 'collectImageGarbage'
  | 'listImageCatalog'
  | 'addCatalogImage'
  | 'getLoaderFile';

type Parts = Pick<OperatorApiParts, 'registry' | 'jobs' | 'images' | 'loaders' | 'log' | 'now'>;

export function imageHandlers({ registry, jobs, images, loaders, now }: Parts): Pick<Handlers, Names> {
  const { library, diskImages, uploads, dir } = images;
  const clean = imageCleaner({ dir, registry, jobs, now });
  const documents = (): readonly ImageDocument[] =>
    registry.documents('Image').flatMap(({ document }) => (document.kind === 'Image' ? [document] : []));
  const profiles = (): readonly ProfileDocument[] =>
    registry.documents('Profile').flatMap(({ document }) => (document.kind === 'Profile' ? [document] : []));

  return {
    async listImageStates() {
      const all = { library, diskImages, profiles: profiles() };
      return { kind: 'done', value: { items: await Promise.all(documents().map((image) => imageState(image, all))) } };
    },

    async getImageState({ params: { name } }) {
      const image = registry.image(name);
      if (!image) return notFound(`image ${name}`);
      return { kind: 'done', value: await imageState(image, { library, diskImages, profiles: profiles() }) };
    },

    async verifyImageFile({ params: { name, index } }) {
      const asset = registry.image(name)?.assets[Number(index)];
      if (!asset) return notFound(`file ${index} of image ${name}`);
      const value = await library.verify(name, asset);
      return { kind: 'done', value, audit: { target: `${name} ${index}`, detail: `${value.kind}: ${value.text}` } };
    },

    async getUpload({ params: { sha256 } }) {
      return { kind: 'done', value: { sha256, ...(await uploads.look(sha256)) } };
    },

    async putUpload({ params: { sha256 }, query, body }) {
      if (!(body instanceof Uint8Array)) return problemAnswer('unsupported-type', { detail: 'want bytes' });
      const added = await uploads.add({ sha256, ...query, bytes: body });
      switch (added.kind) {
        case 'added': {
          const { bytes, complete } = added;
          const audit = complete ? { target: sha256, detail: `${bytes} bytes` } : 'nothing-changed';
          return { kind: 'done', value: { sha256, bytes, complete }, audit };
        }
        case 'elsewhere':
          return invalid({
            in: 'query',
            path: 'offset',
            text: `got ${query.offset}, want ${added.bytes}, which is how much is there`,
          });
        case 'wrong':
          return problemAnswer('invalid', { detail: added.because });
        case 'no-room':
          return problemAnswer('unavailable', { detail: added.because, next: 'ingot image clean' });
        default:
          return added satisfies never;
      }
    },

    async getLoaderFile({ query: { name } }) {
      const path = loaders.path(name);
      return path === undefined ? notFound(`loader ${name}`) : { kind: 'bytes', bytes: await readFile(path) };
    },

    listImageCatalog: () => ({
      kind: 'done',
      value: { items: CATALOG.map(({ resolve: _resolve, ...entry }) => entry) },
    }),

    async addCatalogImage({ body: { reference, name, arch }, caller }) {
      const parsed = parseReference(reference);
      if ('because' in parsed) return invalid({ in: 'body', path: 'reference', text: parsed.because });
      const resolved = await resolveWithIndex(resolveReference(parsed, arch), library);
      if (resolved.kind === 'unreachable') return problemAnswer('unavailable', { detail: resolved.because });
      if (resolved.kind === 'refused') return invalid({ in: 'body', path: 'reference', text: resolved.because });
      const { assets, pulls, args } = resolved.image;
      const before = name === undefined ? undefined : registry.image(name);
      const document: ImageDocument = {
        kind: 'Image',
        name: name ?? nameOfReference(parsed),
        labels: { ...before?.labels, catalog: reference },
        arch,
        assets: [...assets],
        ...(pulls.length === 0 ? {} : { pulls: [...pulls] }),
      };
      const outcome = await registry.put(document, change({ who: caller.name, expected: undefined }));
      if (outcome.kind !== 'done') return problemOf(outcome);
      const urls = assets.flatMap(({ url }) => url ?? []);
      return {
        kind: 'done',
        value: {
          name: document.name,
          change: outcome.value.change,
          urls,
          proof: parsed.entry.proof,
          pulls: [...pulls],
          args: [...args],
        },
        audit: { target: document.name, detail: reference },
      };
    },

    async collectImageGarbage({ body: { remove } }) {
      const value = await clean(remove);
      const detail = `${value.items.length} files, ${value.bytes} bytes`;
      return { kind: 'done', value, audit: remove ? { target: 'images', detail } : 'nothing-changed' };
    },
  };
}

/** Reads the vendor's index where the entry needs one. */
async function resolveWithIndex(
  first: Resolved,
  library: Pick<ImageLibrary, 'small'>,
): Promise<Exclude<Resolved, { kind: 'index' }> | { readonly kind: 'unreachable'; readonly because: string }> {
  if (first.kind !== 'index') return first;
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(await library.small(first.url)).toString('utf8'));
  } catch (error) {
    return { kind: 'unreachable', because: error instanceof Error ? error.message : String(error) };
  }
  const second = first.read(json);
  return second.kind === 'index' ? { kind: 'refused', because: `${first.url} leads to another index` } : second;
}

/** The bytes of a file of an image, to a caller who was let in. */
export function imageFileStream({ registry, images, log }: Parts) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const { name = '', index = '' } = request.params as Readonly<Record<string, string>>;
    const asset = registry.image(name)?.assets[Number(index)];
    if (!asset) {
      return sendProblem(reply, makeProblem('not-found', { detail: `there is no file ${index} of image ${name}` }));
    }
    const found = await images.library.state(name, asset);
    if (found.kind !== 'ready') return sendProblem(reply, makeProblem('unavailable', { detail: found.because }));
    // From here on the plain response: for a body of this size fastify would need a stream that copies.
    reply.hijack();
    for (const [header, value] of Object.entries(SECURITY_HEADERS)) reply.raw.setHeader(header, value);
    await respond({
      request: request.raw,
      response: reply.raw,
      answer: { kind: 'blob', role: 'other', blob: found.blob, contentType: 'application/octet-stream' },
      chunks: images.chunks,
      log,
    });
    return undefined;
  };
}
