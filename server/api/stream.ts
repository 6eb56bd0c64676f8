import type { FastifyReply, FastifyRequest } from 'fastify';
import { makeProblem } from '#machines/contract/api/problem.ts';
import type { WatchKind } from '#machines/contract/api/watch.ts';
import type { Access } from '#services/auth/access.ts';
import type { AccessKey } from '#services/store/contract.ts';
import { endWithKey, SECURITY_HEADERS, sendProblem } from './guard.ts';
import type { WatchHub } from './watch-hub.ts';

/** Proxies close what is silent for a minute. */
const HEARTBEAT_MS = 15_000;
/** A watcher that has so much unread is not reading: it is cut off, and resumes where it was. */
const MAX_UNREAD_BYTES = 8 << 20;
const MAX_WATCHERS = 1000;

/** Answers `GET /api/v1/watch`: open until the client, the daemon or the loss of the key ends it. */
export function changeStream({
  hub,
  access,
  signal,
  now,
}: {
  readonly hub: WatchHub;
  readonly access: Access;
  readonly signal: AbortSignal;
  readonly now: () => number;
}) {
  return (
    request: FastifyRequest,
    reply: FastifyReply,
    caller: AccessKey,
    query: unknown,
    sees: (machine: string | undefined) => boolean,
  ): unknown => {
    const { kinds, machine } = query as { kinds: readonly WatchKind[]; machine: string | undefined };
    if (hub.count() >= MAX_WATCHERS) {
      return sendProblem(reply, makeProblem('too-many', { detail: `${MAX_WATCHERS} streams are open already` }));
    }
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, {
      ...SECURITY_HEADERS,
      'content-type': 'text/event-stream; charset=utf-8',
      // nginx holds streams back otherwise.
      'x-accel-buffering': 'no',
    });
    const end = (): void => void raw.end();
    const send = (text: string): void => {
      raw.write(text);
      if (raw.writableLength > MAX_UNREAD_BYTES) raw.destroy();
    };
    const lastId = request.headers['last-event-id'];
    const leave = hub.add({ kinds, machine, sees, send }, typeof lastId === 'string' ? lastId : undefined);
    endWithKey(raw, caller, { access, now }, end);
    const heartbeat = setInterval(() => send(':\n\n'), HEARTBEAT_MS);
    signal.addEventListener('abort', end, { once: true });
    raw.once('close', () => {
      clearInterval(heartbeat);
      signal.removeEventListener('abort', end);
      leave();
    });
    return undefined;
  };
}
