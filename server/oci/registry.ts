import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { OciLayouts } from '#services/images/oci-layouts.ts';
import type { SharedChunks } from '#services/images/shared-chunks.ts';
import type { Listen } from '../config/config.ts';
import { formatListen } from '../config/schema.ts';
import { respond } from '../http/respond.ts';
import { type Task, task } from '../task.ts';
import { manifestsNamed, readOciRequest, splitReference } from './decide/request.ts';

export type RegistryParts = {
  readonly listen: Listen;
  readonly layouts: OciLayouts;
  readonly chunks: SharedChunks;
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
};

const MAX_CONNECTIONS = 512;
const REQUEST_MS = 30_000;

/** Codes of the OCI distribution spec 1.1, "Error Codes". */
type Refusal = { readonly status: number; readonly code: string; readonly message: string };

/**
 * A registry that gives and takes nothing (OCI distribution spec 1.1, "Pull"): manifests by tag and digest, blobs by
 * digest with Range, tags. For installers of machines that reach no other; what it gives, its clients prove by digest.
 */
export function ociRegistry(parts: RegistryParts): Task<{ readonly url: string }> {
  return task('oci registry', async (signal, listening) => {
    const { listen, log } = parts;
    const server = http.createServer(
      { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
      (request, response) => {
        answer(parts, request, response).catch((error: unknown) => {
          log.error({ err: error, url: request.url }, 'a request to the registry failed');
          response.destroy();
        });
      },
    );
    server.maxConnections = MAX_CONNECTIONS;
    server.listen({ host: listen.address, port: listen.port });
    await once(server, 'listening');
    const bound = server.address();
    const port = typeof bound === 'object' && bound ? bound.port : listen.port;
    for (const problem of (await parts.layouts.images()).problems) log.warn({ problem }, 'an image is not served');
    listening({ url: `http://${formatListen({ address: listen.address, port })}` });
    if (!signal.aborted) await once(signal, 'abort');
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
}

async function answer(parts: RegistryParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { layouts, chunks, log } = parts;
  response.setHeader('docker-distribution-api-version', 'registry/2.0');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return refuse(response, { status: 405, code: 'UNSUPPORTED', message: 'this registry is read-only' });
  }
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const asked = readOciRequest(path);
  // Which registry the client would have gone to; echoed as containerd's proxies do.
  const ns = new URLSearchParams(query).get('ns') ?? undefined;
  if (ns !== undefined && /^[A-Za-z0-9.:-]{1,255}$/.test(ns)) response.setHeader('oci-namespace', ns);
  switch (asked.kind) {
    case 'base':
      return sendJson(response, 200, {});
    case 'none':
      return refuse(response, { status: 404, code: 'NAME_UNKNOWN', message: asked.because });
    case 'tags': {
      const named = manifestsNamed((await layouts.images()).images, asked.name, ns);
      if (named.length === 0) return refuse(response, unknownName(asked.name));
      const tags = [...new Set(named.map(({ reference }) => splitReference(reference).tag))].toSorted();
      return sendJson(response, 200, { name: asked.name, tags });
    }
    case 'manifest': {
      const digest = asked.byDigest ? asked.reference : await digestOfTag(layouts, asked.name, asked.reference, ns);
      const found = digest === undefined ? undefined : await layouts.blob(digest);
      const type = found?.kind === 'found' ? await layouts.manifestType(found.blob.path) : undefined;
      if (digest === undefined || found?.kind !== 'found' || type === undefined) {
        const message = `there is no ${asked.reference} of ${asked.name} here`;
        return refuse(response, { status: 404, code: 'MANIFEST_UNKNOWN', message });
      }
      response.setHeader('docker-content-digest', digest);
      await respond({ request, response, answer: blobAnswer(found.blob, type), chunks, log });
      return undefined;
    }
    case 'blob': {
      const found = await layouts.blob(asked.digest);
      if (found.kind === 'missing') {
        return refuse(response, { status: 404, code: 'BLOB_UNKNOWN', message: `there is no ${asked.digest} here` });
      }
      response.setHeader('docker-content-digest', asked.digest);
      await respond({ request, response, answer: blobAnswer(found.blob, 'application/octet-stream'), chunks, log });
      return undefined;
    }
    default:
      return asked satisfies never;
  }
}

type Blob = Extract<Awaited<ReturnType<OciLayouts['blob']>>, { kind: 'found' }>['blob'];

const blobAnswer = (blob: Blob, contentType: string) => ({ kind: 'blob', role: 'other', blob, contentType }) as const;

async function digestOfTag(
  layouts: OciLayouts,
  name: string,
  tag: string,
  ns: string | undefined,
): Promise<string | undefined> {
  const named = manifestsNamed((await layouts.images()).images, name, ns);
  const digests = new Set(
    named.filter(({ reference }) => splitReference(reference).tag === tag).map(({ digest }) => digest),
  );
  // Two layouts that disagree about a tag give none: which one is meant cannot be told.
  return digests.size === 1 ? [...digests][0] : undefined;
}

const unknownName = (name: string): Refusal => ({
  status: 404,
  code: 'NAME_UNKNOWN',
  message: `there is no ${name} here`,
});

const refuse = (response: ServerResponse, { status, code, message }: Refusal): void =>
  sendJson(response, status, { errors: [{ code, message }] });

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const bytes = Buffer.from(JSON.stringify(value));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length });
  response.end(response.req.method === 'HEAD' ? undefined : bytes);
}
