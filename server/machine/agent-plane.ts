import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { once } from 'node:events';
import { Server } from 'node:tls';
import { type IpAddress, parseIpAddress } from '#machines/values/ip-address.ts';
import type { Listen } from '../config/config.ts';
import { formatListen } from '../config/schema.ts';
import { respond } from '../http/respond.ts';
import { sourceRates } from '../logs/source-rates.ts';
import { tcpListen } from '../sockets/tcp-listen.ts';
import { countAnswers } from '../http/request-counts.ts';
import { type Task, task } from '../task.ts';
import { type AgentAnswer, type AgentCall, agentCalls } from './agent-calls.ts';
import type { AgentPlaneParts } from './contract.ts';

/** A sign of life; a registration with a thousand cards; a thousand log lines, or a machine with hundreds of disks. */
const BODY_BYTES = { small: 16 << 10, middle: 256 << 10, large: 4 << 20 } as const;
const MAX_CONNECTIONS = 4096;
/** An agent that streams its kernel's log and writes a disk makes some tens of calls a second for a moment. */
const RATE = { burst: 200, perSecond: 20, sources: 20_000 } as const;
/** Wrong credentials: nobody has many of them. */
const WRONG_RATE = { burst: 10, perSecond: 0.2, sources: 20_000 } as const;
const RENEWED_MS = 24 * 3600_000;

/**
 * The machine plane over TLS: what agents call (machines/contract/agent.ts). They know it by the pin of its key, so its
 * certificate names nobody and may be renewed at any time.
 */
export function agentPlane(
  parts: AgentPlaneParts & { readonly listen: Listen },
): Task<{ readonly url: string; readonly address: IpAddress; readonly port: number }> {
  return task('agent plane', async (signal, listening) => {
    const { authority, log, listen } = parts;
    const own = await authority.planeCertificate();
    const app = fastify({
      https: { key: own.key, cert: own.certificate, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] },
      bodyLimit: BODY_BYTES.small,
      requestTimeout: 30_000,
      connectionTimeout: 120_000,
      forceCloseConnections: true,
    });
    app.server.maxConnections = MAX_CONNECTIONS;
    if (parts.counts) countAnswers(app, parts.counts);
    addRoutes(app, parts);
    const renew = async (): Promise<void> => {
      const { key, certificate } = await authority.planeCertificate();
      if (app.server instanceof Server) app.server.setSecureContext({ key, cert: certificate, minVersion: 'TLSv1.2' });
    };
    const renewal = setInterval(() => {
      renew().catch((error: unknown) =>
        log.error({ err: error }, 'the certificate of the machine plane was not renewed'),
      );
    }, RENEWED_MS);
    renewal.unref();
    try {
      await app.listen(tcpListen(listen));
      const bound = app.server.address();
      const port = typeof bound === 'object' && bound ? bound.port : listen.port;
      const { address } = listen;
      listening({ url: `https://${formatListen({ address, port })}`, address, port });
      if (!signal.aborted) await once(signal, 'abort');
    } finally {
      clearInterval(renewal);
      await app.close();
    }
  });
}

function addRoutes(app: FastifyInstance, parts: AgentPlaneParts): void {
  const { chunks, log, now } = parts;
  const calls = agentCalls(parts);
  const rates = sourceRates(RATE);
  const wrongRates = sourceRates(WRONG_RATE);

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, JSON.parse(String(body)) as unknown);
    } catch {
      done(null, undefined);
    }
  });
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null, undefined));
  app.setNotFoundHandler((_request, reply) => notFound(reply));
  app.setErrorHandler((error, request, reply) => {
    const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
    if (status < 500) return reply.code(status).send({ title: 'not understood' });
    log.error({ err: error, target: request.url }, 'a call of an agent could not be answered');
    return reply.code(500).send({ title: 'internal error' });
  });

  type Handler = (call: AgentCall, request: FastifyRequest) => Promise<AgentAnswer> | AgentAnswer;
  const handle = (handler: Handler) => async (request: FastifyRequest, reply: FastifyReply) => {
    const peer = addressOf(request.socket.remoteAddress);
    if (!peer) return reply.hijack().raw.destroy();
    if (!rates.admit(peer, now()).admitted)
      return reply.code(429).header('retry-after', '1').send({ title: 'too often' });
    const credential = /^Bearer ([A-Za-z0-9_-]{1,128})$/.exec(request.headers.authorization ?? '')?.[1];
    const answer =
      credential === undefined
        ? ({ kind: 'unknown' } as const)
        : await handler({ credential, peer, body: request.body }, request);
    switch (answer.kind) {
      case 'unknown':
        if (!wrongRates.admit(peer, now()).admitted) {
          return reply.code(429).header('retry-after', '5').send({ title: 'too often' });
        }
        return notFound(reply);
      case 'wrong':
        log.warn({ peer, target: request.url, because: answer.because }, 'a call of an agent is not what it should be');
        return reply.code(400).send({ title: answer.because });
      case 'noted':
        return reply.code(204).send();
      case 'json':
        return reply.code(200).header('cache-control', 'no-store').send(answer.value);
      case 'blob': {
        const { blob } = answer;
        reply.hijack();
        await respond({
          request: request.raw,
          response: reply.raw,
          answer: { kind: 'blob', role: 'other', blob, contentType: 'application/octet-stream' },
          chunks,
          log,
        });
        return undefined;
      }
      default:
        return answer satisfies never;
    }
  };
  const { small, middle, large } = BODY_BYTES;
  app.post(
    '/agent/register',
    { bodyLimit: middle },
    handle((call) => calls.register(call)),
  );
  app.post(
    '/agent/certificate',
    { bodyLimit: small },
    handle((call) => calls.certificate(call)),
  );
  app.post(
    '/agent/inventory',
    { bodyLimit: large },
    handle((call) => calls.inventory(call)),
  );
  app.post(
    '/agent/logs',
    { bodyLimit: large },
    handle((call) => calls.logs(call)),
  );
  app.post(
    '/agent/status',
    { bodyLimit: small },
    handle((call) => calls.status(call)),
  );
  app.get<{ Params: { sha256: string } }>(
    '/agent/images/:sha256',
    handle((call, request) => calls.image(call, paramOf(request, 'sha256'))),
  );
}

const notFound = (reply: FastifyReply) => reply.code(404).send({ title: 'not found' });

function paramOf({ params }: FastifyRequest, name: string): string {
  const value: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, name) : undefined;
  return typeof value === 'string' ? value : '';
}

/** An IPv4 peer of a dual-stack socket is written `::ffff:192.0.2.1`; a link-local one has its interface after it. */
function addressOf(text: string | undefined): IpAddress | undefined {
  const result = parseIpAddress((text ?? '').replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, ''));
  return result.ok ? result.value : undefined;
}
