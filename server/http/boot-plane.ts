import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type IpAddress, parseIpAddress } from '#machines/values/ip-address.ts';
import type { Listen } from '../config/config.ts';
import { formatListen } from '../config/schema.ts';
import { tcpListen } from '../sockets/tcp-listen.ts';
import { type Task, task } from '../task.ts';
import { bootAnswers, type BootRequest } from './answers.ts';
import { type BootScripts, bootScripts } from './boot-scripts.ts';
import { BOOT_PLANE_LIMITS, type BootPlaneLimits, type BootPlaneParts } from './contract.ts';
import { grantSpender } from './grants.ts';
import { requestTrace } from './request-trace.ts';
import { respond } from './respond.ts';

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
    app.route({ method: ['GET', 'HEAD'], url: '/', exposeHeadRoute: false, handler: requestHandler(parts) });
    app.setNotFoundHandler((_request, reply) =>
      reply.code(405).header('allow', 'GET, HEAD').send('GET and HEAD only\n'),
    );
    app.setErrorHandler((error, _request, reply) => {
      parts.log.error({ err: error }, 'a request could not be answered');
      return reply.code(500).send('internal error\n');
    });
    await app.listen(tcpListen(parts.listen));
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

function requestHandler(parts: BootPlaneParts & { readonly scripts?: BootScripts }) {
  const { chunks, log, now } = parts;
  const answers = bootAnswers(parts, parts.scripts ?? bootScripts(parts));
  const trace = requestTrace({ ...parts, grants: grantSpender(parts) });

  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const startedAt = now();
    const { raw } = request;
    const asked = readRequest(raw, request.originalUrl);
    // The connection is gone already.
    if (!asked) return void reply.hijack().raw.destroy();
    const answer = await answers.answer(asked);
    // From here on the plain response: for a body of this size fastify would need a stream that copies.
    reply.hijack();
    try {
      trace.begin(asked, answer);
      const outcome = await respond({ request: raw, response: reply.raw, answer, chunks, log });
      parts.counts?.count(answer.kind, outcome.status, outcome.sent.bytes);
      trace.end(asked, answer, outcome, { ms: now() - startedAt, userAgent: raw.headers['user-agent'] });
    } catch (error) {
      log.error({ err: error, target: asked.target }, 'an answer could not be sent');
      reply.raw.destroy();
    }
  };
}

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
