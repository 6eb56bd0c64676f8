import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type IpAddress, parseIpAddress } from '#machines/values/ip-address.ts';
import type { Listen } from '../config/config.ts';
import { formatListen } from '../config/schema.ts';
import { type Task, task } from '../task.ts';
import { type BootAnswer, bootAnswers, type BootRequest } from './answers.ts';
import { type BootScripts, bootScripts } from './boot-scripts.ts';
import { BOOT_PLANE_LIMITS, type BootPlaneLimits, type BootPlaneParts } from './contract.ts';
import { answerConditions, type Entity, formatHttpDate } from './decide/conditions.ts';
import { grantSpender } from './grants.ts';
import { type Sent, sendBlob, sendBytes } from './send.ts';

const MAX_TEXT = 255;

/**
 * HTTP for firmware and iPXE: loaders, scripts, kernels and initrds. GET and HEAD only, and nothing secret. No
 * redirects, which UEFI does not follow; no chunked answers, which it refuses beyond 12 MiB; the Host header means
 * nothing, since UEFI HTTP Boot leaves out the port.
 */
export function bootPlane(
  parts: BootPlaneParts & {
    readonly listen: Listen;
    readonly scripts?: BootScripts;
    readonly limits?: Partial<BootPlaneLimits>;
  },
): Task<{ readonly url: string }> {
  return task('boot plane', async (signal, listening) => {
    const limits = { ...BOOT_PLANE_LIMITS, ...parts.limits };
    const app = fastify({
      // Any path is ours to judge: the router would refuse malformed ones in its own words.
      rewriteUrl: () => '/',
      requestTimeout: limits.requestMs,
      connectionTimeout: limits.idleMs,
      keepAliveTimeout: limits.keepAliveMs,
      forceCloseConnections: true,
      http: {
        maxHeaderSize: limits.headerBytes,
        headersTimeout: limits.requestMs,
        connectionsCheckingInterval: Math.min(5000, limits.requestMs),
      },
    });
    boundConnections(app, limits);
    const serve = requestHandler(parts, parts.scripts ?? bootScripts(parts));
    app.route({ method: ['GET', 'HEAD'], url: '/', exposeHeadRoute: false, handler: serve });
    app.setNotFoundHandler((_request, reply) =>
      reply.code(405).header('allow', 'GET, HEAD').send('GET and HEAD only\n'),
    );
    await app.listen({ host: parts.listen.address, port: parts.listen.port });
    const bound = app.server.address();
    const port = typeof bound === 'object' && bound ? bound.port : parts.listen.port;
    listening({ url: `http://${formatListen({ address: parts.listen.address, port })}` });
    if (!signal.aborted) await once(signal, 'abort');
    await app.close();
  });
}

/** More connections than allowed are closed at once, without an answer: the client tries again. */
function boundConnections({ server }: FastifyInstance, limits: BootPlaneLimits): void {
  server.maxConnections = limits.connections;
  const ofPeer = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const peer = socket.remoteAddress ?? '';
    const count = (ofPeer.get(peer) ?? 0) + 1;
    ofPeer.set(peer, count);
    socket.once('close', () => {
      const left = (ofPeer.get(peer) ?? 1) - 1;
      if (left === 0) ofPeer.delete(peer);
      else ofPeer.set(peer, left);
    });
    if (count > limits.connectionsPerPeer) socket.destroy();
  });
}

function requestHandler(parts: BootPlaneParts, scripts: BootScripts) {
  const { recorder, chunks, log, now } = parts;
  const answers = bootAnswers(parts, scripts);
  const grants = grantSpender(parts);

  async function serve(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const startedAt = now();
    const { raw } = request;
    const asked = readRequest(raw, request.originalUrl);
    // The connection is gone already.
    if (!asked) return void reply.hijack().raw.destroy();
    const answer = await answers.answer(asked);
    // From here on the plain response: fastify would pipe a stream of its own for a body of this size.
    reply.hijack();
    if (answer.kind === 'blob' && asked.method === 'GET') recordBegin(asked, answer);
    const outcome = await send(raw, reply.raw, asked, answer);
    record(asked, answer, outcome, { ms: now() - startedAt, userAgent: raw.headers['user-agent'] });
  }

  async function send(
    request: IncomingMessage,
    response: ServerResponse,
    asked: BootRequest,
    answer: BootAnswer,
  ): Promise<Outcome> {
    // A body belongs to no GET: it is not read, and the connection is not used again.
    if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) {
      response.setHeader('connection', 'close');
    }
    if (answer.kind === 'not-found') {
      const bytes = Buffer.from(`${answer.because}\n`);
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8', 'content-length': bytes.length });
      const sent = await sendBytes(response, asked.method === 'HEAD' ? EMPTY : bytes);
      return { status: 404, size: bytes.length, start: 0, sent };
    }
    const { entity, contentType, bytes } = entityOf(answer);
    const part = answerConditions(asked.method, request.headers, entity);
    const headers: Record<string, string | number> = {
      etag: `"${entity.etag}"`,
      'accept-ranges': 'bytes',
      // Scripts are made for one moment; the rest is asked again about with If-None-Match.
      'cache-control': answer.kind === 'blob' ? 'no-cache' : 'no-store',
    };
    if (entity.modifiedAt !== undefined) headers['last-modified'] = formatHttpDate(entity.modifiedAt);
    if (!('start' in part)) {
      if (part.status === 416) headers['content-range'] = `bytes */${entity.size}`;
      if (part.status !== 304) headers['content-length'] = 0;
      response.writeHead(part.status, headers);
      return { status: part.status, size: 0, start: 0, sent: await sendBytes(response, EMPTY) };
    }
    const { status, start, end } = part;
    const size = end - start;
    headers['content-type'] = contentType;
    headers['content-length'] = size;
    if (status === 206) headers['content-range'] = `bytes ${start}-${end - 1}/${entity.size}`;
    if (asked.method === 'HEAD') {
      response.writeHead(status, headers);
      return { status, size, start, sent: await sendBytes(response, EMPTY) };
    }
    if (answer.kind === 'blob') return await sendFile(response, answer, { status, headers, start, end });
    response.writeHead(status, headers);
    return { status, size, start, sent: await sendBytes(response, bytes.subarray(start, end)) };
  }

  async function sendFile(
    response: ServerResponse,
    { blob }: Extract<BootAnswer, { kind: 'blob' }>,
    part: {
      readonly status: number;
      readonly headers: Readonly<Record<string, string | number>>;
      readonly start: number;
      readonly end: number;
    },
  ): Promise<Outcome> {
    const { status, headers, start, end } = part;
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
      const sent = await sendBlob(response, open, { start, end });
      if (sent.error !== undefined) log.error({ err: sent.error, path: blob.path }, 'a file could not be read on');
      return { status, size, start, sent };
    } finally {
      open.close();
    }
  }

  /** A download of minutes is told when it begins, else its trace would look like silence. */
  function recordBegin({ target, asker }: BootRequest, { attempt, role }: Extract<BootAnswer, { kind: 'blob' }>): void {
    const subject = { address: asker.peer, ...(attempt === undefined ? {} : { attempt }) };
    recorder.record(subject, { kind: 'http-asked', path: pathOf(target), role });
  }

  function record(
    { method, target, asker }: BootRequest,
    answer: BootAnswer,
    { status, size, start, sent }: Outcome,
    { ms, userAgent }: { readonly ms: number; readonly userAgent: string | undefined },
  ): void {
    const { attempt, role } = answer;
    const path = pathOf(target);
    const because = answer.kind === 'not-found' ? answer.because : undefined;
    log.debug({ peer: asker.peer, method, path, status, bytes: sent.bytes, size, ms, because }, 'http');
    recorder.record(
      { address: asker.peer, ...(attempt === undefined ? {} : { attempt }) },
      {
        kind: 'http-sent',
        method,
        path,
        role,
        status,
        bytes: sent.bytes,
        size,
        ms,
        ...(userAgent === undefined ? {} : { userAgent: userAgent.slice(0, MAX_TEXT) }),
        ...(because === undefined ? {} : { because }),
      },
    );
    if (method === 'HEAD' || attempt === undefined || (status !== 200 && status !== 206)) return;
    if (answer.kind === 'script' && sent.complete) void grants.scriptSent(answer.rendered);
    if (answer.kind === 'blob' && answer.asset) {
      const { plan, ...asset } = answer.asset;
      const end = start + sent.bytes;
      void grants.assetSent(attempt, plan, { ...asset, start, end, size: answer.blob.size });
    }
  }

  return serve;
}

type Outcome = { readonly status: number; readonly size: number; readonly start: number; readonly sent: Sent };

const EMPTY = new Uint8Array(0);

const pathOf = (target: string): string => (/^[^?#]*/.exec(target)?.[0] ?? '').slice(0, MAX_TEXT);

function readRequest(raw: IncomingMessage, target: string): BootRequest | undefined {
  const { remoteAddress, localAddress, localPort } = raw.socket;
  const peer = addressOf(remoteAddress);
  const local = addressOf(localAddress);
  if (peer === undefined || local === undefined || localPort === undefined) return undefined;
  const reachedUrl = `http://${formatListen({ address: local, port: localPort })}`;
  return { method: raw.method === 'HEAD' ? 'HEAD' : 'GET', target, asker: { peer, reachedUrl } };
}

/** An IPv4 peer of a dual-stack socket is written `::ffff:192.0.2.1`; a link-local one has its interface after it. */
function addressOf(text: string | undefined): IpAddress | undefined {
  const result = parseIpAddress((text ?? '').replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, ''));
  return result.ok ? result.value : undefined;
}

type EntityBytes = { readonly entity: Entity; readonly contentType: string; readonly bytes: Uint8Array };

function entityOf(answer: Exclude<BootAnswer, { kind: 'not-found' }>): EntityBytes {
  if (answer.kind === 'blob') return { entity: answer.blob, contentType: answer.contentType, bytes: EMPTY };
  const bytes = Buffer.from(answer.kind === 'script' ? answer.rendered.text : answer.text);
  const etag = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  return { entity: { size: bytes.length, etag }, contentType: 'text/plain; charset=utf-8', bytes };
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
