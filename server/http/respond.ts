import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BootAnswer } from './answers.ts';
import type { BootPlaneParts } from './contract.ts';
import { answerConditions, type Entity, formatHttpDate } from './decide/conditions.ts';
import { paddedBlob } from './padded-blob.ts';
import { type Sent, sendBlob, sendBytes } from './send.ts';

/** How a request ended. `size` is what the client should have got, from byte `start` of the file on. */
export type Outcome = { readonly status: number; readonly size: number; readonly start: number; readonly sent: Sent };

type Headers = Record<string, string | number>;
type Blobs = Extract<BootAnswer, { kind: 'blob' }>;

const EMPTY = new Uint8Array(0);
/** Spelled so because GRUB 2.12 knows it in no other way, and refuses a kernel whose size it does not know. */
const CONTENT_LENGTH = 'Content-Length';
const TEXT = 'text/plain; charset=utf-8';

/**
 * Puts an answer on the wire: conditions, range, head, body. Every answer has an exact length, with HEAD as with GET.
 * Resolves when it has been sent or the client has gone; never rejects for either.
 */
export async function respond({
  request,
  response,
  answer,
  chunks,
  log,
}: {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly answer: BootAnswer;
} & Pick<BootPlaneParts, 'chunks' | 'log'>): Promise<Outcome> {
  const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
  // A body belongs to neither: it is not read, and the connection is not used again.
  if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) {
    response.setHeader('connection', 'close');
  }
  const headOnly = async (status: number, headers: Headers, size: number, start = 0): Promise<Outcome> => {
    response.writeHead(status, headers);
    return { status, size, start, sent: await sendBytes(response, EMPTY) };
  };
  if (answer.kind === 'not-found') {
    const bytes = Buffer.from(`${answer.because}\n`);
    const headers = { 'content-type': TEXT, [CONTENT_LENGTH]: bytes.length };
    if (method === 'HEAD') return await headOnly(404, headers, bytes.length);
    response.writeHead(404, headers);
    return { status: 404, size: bytes.length, start: 0, sent: await sendBytes(response, bytes) };
  }
  const { entity, contentType, bytes } = entityOf(answer);
  const part = answerConditions(method, request.headers, entity);
  const headers: Headers = {
    etag: `"${entity.etag}"`,
    'accept-ranges': 'bytes',
    // A script is made for one moment; of a file a cache asks with If-None-Match whether it is still the same.
    'cache-control': answer.kind === 'blob' ? 'no-cache' : 'no-store',
  };
  if (entity.modifiedAt !== undefined) headers['last-modified'] = formatHttpDate(entity.modifiedAt);
  if (!('start' in part)) {
    if (part.status === 416) headers['content-range'] = `bytes */${entity.size}`;
    if (part.status !== 304) headers[CONTENT_LENGTH] = 0;
    return await headOnly(part.status, headers, 0);
  }
  const { status, start, end } = part;
  const size = end - start;
  headers['content-type'] = contentType;
  headers[CONTENT_LENGTH] = size;
  if (status === 206) headers['content-range'] = `bytes ${start}-${end - 1}/${entity.size}`;
  if (method === 'HEAD') return await headOnly(status, headers, size, start);
  if (answer.kind === 'blob') {
    return await sendFile({ response, answer, head: { status, headers }, start, end, chunks, log });
  }
  response.writeHead(status, headers);
  return { status, size, start, sent: await sendBytes(response, bytes.subarray(start, end)) };
}

async function sendFile({
  response,
  answer: { blob, padding = 0 },
  head,
  start,
  end,
  chunks,
  log,
}: {
  readonly response: ServerResponse;
  readonly answer: Blobs;
  readonly head: { readonly status: number; readonly headers: Headers };
  readonly start: number;
  readonly end: number;
} & Pick<BootPlaneParts, 'chunks' | 'log'>): Promise<Outcome> {
  const { status, headers } = head;
  const size = end - start;
  // Of several requests sent ahead on one connection only the one in turn may hold memory.
  if (!(await inTurn(response))) return { status, size, start, sent: { bytes: 0, complete: false } };
  const open = await chunks.open(blob).catch((error: unknown) => {
    log.warn({ err: error, path: blob.path }, 'a file that was there a moment ago cannot be opened');
    return undefined;
  });
  if (!open) {
    response.writeHead(503, { 'content-length': 0, 'retry-after': '1' });
    return { status: 503, size: 0, start: 0, sent: await sendBytes(response, EMPTY) };
  }
  try {
    response.writeHead(status, headers);
    const source = padding === 0 ? open : paddedBlob(open, { size: blob.size, padding });
    const sent = await sendBlob(response, source, { start, end });
    if (sent.error !== undefined) log.error({ err: sent.error, path: blob.path }, 'a file could not be read on');
    return { status, size, start, sent };
  } finally {
    open.close();
  }
}

function entityOf(answer: Exclude<BootAnswer, { kind: 'not-found' }>): {
  readonly entity: Entity;
  readonly contentType: string;
  readonly bytes: Uint8Array;
} {
  if (answer.kind === 'blob') {
    const { blob, contentType, padding = 0 } = answer;
    // The same file is other bytes where it is padded.
    const entity = padding === 0 ? blob : { ...blob, size: blob.size + padding, etag: `${blob.etag}+${padding}` };
    return { entity, contentType, bytes: EMPTY };
  }
  if (answer.kind === 'bytes') {
    const etag = createHash('sha256').update(answer.bytes).digest('base64url').slice(0, 22);
    const entity = { size: answer.bytes.length, etag };
    return { entity, contentType: 'application/octet-stream', bytes: answer.bytes };
  }
  const bytes = Buffer.from(answer.kind === 'script' ? answer.rendered.text : answer.text);
  const etag = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  return { entity: { size: bytes.length, etag }, contentType: TEXT, bytes };
}

/** Waits until an answer is the first of its connection; false if the connection ends before. */
async function inTurn(response: ServerResponse): Promise<boolean> {
  if (response.socket) return !response.destroyed;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  response.once('socket', () => resolve(true));
  response.once('close', () => resolve(false));
  response.req.once('close', () => resolve(response.socket !== null));
  return await promise;
}
