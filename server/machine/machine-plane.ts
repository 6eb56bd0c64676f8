import fastify, { type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { type IpAddress, parseIpAddress } from '#machines/values/ip-address.ts';
import type { Recorder } from '#services/trace/contract.ts';
import type { Listen } from '../config/config.ts';
import { formatListen } from '../config/schema.ts';
import { tcpListen } from '../sockets/tcp-listen.ts';
import { countAnswers, type RequestCounts } from '../http/request-counts.ts';
import { type Task, task } from '../task.ts';
import { addMetadataRoutes, type MetadataParts, NOT_FOUND } from './metadata.ts';

/** cloud-init's phone_home sends its host keys; nothing that reports needs more. */
const MAX_BODY_BYTES = 64 * 1024;
const MAX_TEXT = 255;

/**
 * What machines call in plain HTTP. Their configuration is read here by boot token (metadata.ts); all else is
 * write-only.
 *
 * `POST /report/{attempt}` says that the system of that boot attempt is up (cloud-init `phone_home`, or `curl -d ''` at
 * the end of an install). It counts only from the address that the attempt booted with, and the answer is the same 404
 * for an unknown attempt and a wrong address.
 */
export function machinePlane(parts: {
  readonly listen: Listen;
  readonly recorder: Recorder;
  readonly counts?: Pick<RequestCounts, 'count'>;
  /** Absent: no configuration is served. */
  readonly metadata?: Omit<MetadataParts, 'recorder'>;
}): Task<{ readonly url: string }> {
  return task('machine plane', async (signal, listening) => {
    const app = fastify({ bodyLimit: MAX_BODY_BYTES, requestTimeout: 10_000, forceCloseConnections: true });
    if (parts.counts) countAnswers(app, parts.counts);
    addRoutes(app, parts.recorder);
    if (parts.metadata) addMetadataRoutes(app, { ...parts.metadata, recorder: parts.recorder });
    app.setNotFoundHandler((_request, reply) => reply.code(404).send(NOT_FOUND));
    // What went wrong here is nothing for a stranger to read.
    app.setErrorHandler((error, _request, reply) => {
      const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
      if (status >= 500) parts.metadata?.log.error({ err: error }, 'a call of a machine could not be answered');
      return reply.code(status).send({ title: status < 500 ? 'not understood' : 'internal error' });
    });
    await app.listen(tcpListen(parts.listen));
    const bound = app.server.address();
    const port = typeof bound === 'object' && bound ? bound.port : parts.listen.port;
    listening({ url: `http://${formatListen({ address: parts.listen.address, port })}` });
    if (!signal.aborted) await once(signal, 'abort');
    await app.close();
  });
}

function addRoutes(app: FastifyInstance, recorder: Recorder): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.post<{ Params: { attempt: string }; Body: string | undefined }>('/report/:attempt', async (request, reply) => {
    const { attempt } = request.params;
    const peer = addressOf(request.ip);
    // An installer is silent for longer than an attempt is held to be in progress.
    const live = recorder.live({ attempt }) ?? (await recorder.attempt(attempt));
    if (!live || !peer || live.address !== peer) return reply.code(404).send({ title: 'no such attempt' });
    recorder.record(
      { attempt, address: peer },
      { kind: 'reported', by: 'phone-home', text: firstLine(request.body ?? '') },
    );
    return reply.code(204).send();
  });
}

/** An IPv4 peer of a dual-stack socket is written `::ffff:192.0.2.1`. */
function addressOf(text: string): IpAddress | undefined {
  const result = parseIpAddress(text.replace(/^::ffff:(?=\d+\.)/, ''));
  return result.ok ? result.value : undefined;
}

const firstLine = (body: string): string => (/^[^\r\n]*/.exec(body)?.[0] ?? '').slice(0, MAX_TEXT);
