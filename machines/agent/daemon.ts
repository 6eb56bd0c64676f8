import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import type { z } from 'zod';
import {
  agentCertificate,
  agentOrders,
  type AgentLogs,
  type AgentOrders,
  type AgentRegistration,
  type AgentStatus,
  type AgentWelcome,
  agentWelcome,
} from '../contract/agent.ts';
import type { Inventory } from '../contract/inventory.ts';
import { backoffMs } from './decide/backoff.ts';
import { contentStart } from './decide/content-range.ts';

const CONNECT_MS = 10_000;
const CALL_MS = 30_000;
/** A stream that gives nothing for that long is taken up again where it stopped. */
const STALLED_MS = 60_000;
const ANSWER_BYTES = 1 << 20;
/** In a row, without a byte between them. */
const STREAM_TRIES = 8;

export type DaemonCode =
  | 'unreachable'
  /** It has another key than the one that the machine was booted with. Nothing was sent to it. */
  | 'untrusted'
  /** 404: it knows no such credential, or no more. */
  | 'unknown'
  /** Another 4xx: it would say so again. */
  | 'refused'
  /** It answered, and not with what the contract says; or it cannot at the moment. */
  | 'failed';

export class DaemonError extends Error {
  readonly code: DaemonCode;

  constructor(code: DaemonCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DaemonError';
    this.code = code;
  }
}

/**
 * The daemon's machine plane. Each connection's key is compared with the pin before a byte is sent over it. Calls reject
 * with a `DaemonError`, or with the reason of the signal.
 */
export type Daemon = Disposable & {
  register(token: string, registration: AgentRegistration, signal: AbortSignal): Promise<Welcome>;
  /** Another certificate for the machine API, PEM. */
  certificate(session: string, csr: string, signal: AbortSignal): Promise<string>;
  inventory(session: string, inventory: Inventory, signal: AbortSignal): Promise<void>;
  logs(session: string, logs: AgentLogs, signal: AbortSignal): Promise<void>;
  status(session: string, status: AgentStatus, signal: AbortSignal): Promise<AgentOrders>;
  /**
   * The bytes of a path. A connection that breaks, or that cannot be made, is taken up again, by Range, with the session
   * that counts by then; the stream fails where that cannot be.
   */
  fetch(session: () => string, path: string, signal: AbortSignal): Promise<Readable>;
};

export type Welcome = AgentWelcome & {
  /** The machine's own address as the call was made from it. */
  readonly calledFrom: string;
  /** The daemon's time in milliseconds since the epoch, to the second, where it told it. */
  readonly daemonTime?: number;
};

export function openDaemon(parts: {
  readonly url: URL;
  /** Standard base64 of SHA-256 over the SubjectPublicKeyInfo. */
  readonly pin: string;
  /** The rack's machines have one each. */
  readonly localAddress?: string;
  readonly random: () => number;
}): Daemon {
  const { url, pin } = parts;
  const agent = pinnedAgent(pin, parts.localAddress);

  async function send(path: string, options: SendOptions): Promise<IncomingMessage> {
    const { signal, body } = options;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const call = request(new URL(path, url), {
      agent,
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${options.credential}`,
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        ...options.headers,
      },
      signal,
    });
    call.on('response', resolve);
    call.on('error', reject);
    call.end(body);
    try {
      return await promise;
    } catch (cause) {
      if (cause instanceof DaemonError) throw cause;
      options.cancelled?.throwIfAborted();
      throw new DaemonError('unreachable', `no answer from ${url.host}: ${plainCause(cause)}`, { cause });
    }
  }

  async function post(path: string, credential: string, value: unknown, cancelled: AbortSignal): Promise<Answer> {
    const signal = AbortSignal.any([cancelled, AbortSignal.timeout(CALL_MS)]);
    const response = await send(path, { credential, signal, cancelled, body: JSON.stringify(value) });
    // After the body the connection is the next call's.
    const calledFrom = response.socket.localAddress ?? '';
    const text = await bodyOf(response, cancelled);
    const { statusCode = 0 } = response;
    if (statusCode === 404) throw new DaemonError('unknown', `${path}: the daemon does not know this credential`);
    if (statusCode < 200 || statusCode > 299) {
      const refused = statusCode >= 400 && statusCode < 500 && statusCode !== 429;
      throw new DaemonError(refused ? 'refused' : 'failed', `${path}: status ${statusCode}`);
    }
    return { text, headers: response.headers, calledFrom };
  }

  /** From an offset on; with where it really begins. */
  async function open(session: string, path: string, offset: number, tag: string | undefined, signal: AbortSignal) {
    const response = await send(path, {
      credential: session,
      signal,
      cancelled: signal,
      headers: {
        'accept-encoding': 'identity',
        ...(offset === 0 ? {} : { range: `bytes=${offset}-`, ...(tag === undefined ? {} : { 'if-range': tag }) }),
      },
    });
    const start = contentStart(response.statusCode ?? 0, response.headers['content-range']);
    if (start === offset) return response;
    response.destroy();
    const { statusCode = 0 } = response;
    if (statusCode === 404) throw new DaemonError('unknown', `${path}: the daemon does not know it`);
    const said = start === undefined ? `status ${statusCode}` : `it begins again at ${start}`;
    const later = statusCode === 429 || statusCode >= 500;
    throw new DaemonError(later ? 'failed' : 'refused', `${path}: wanted the bytes from ${offset} on, ${said}`);
  }

  return {
    async register(token, registration, signal) {
      const { text, headers, calledFrom } = await post('/agent/register', token, registration, signal);
      const daemonTime = Date.parse(headers.date ?? '');
      return { ...parsed(agentWelcome, text), calledFrom, ...(Number.isNaN(daemonTime) ? {} : { daemonTime }) };
    },
    certificate: async (session, csr, signal) =>
      parsed(agentCertificate, (await post('/agent/certificate', session, { csr }, signal)).text).certificate,
    async inventory(session, inventory, signal) {
      await post('/agent/inventory', session, inventory, signal);
    },
    async logs(session, logs, signal) {
      await post('/agent/logs', session, logs, signal);
    },
    status: async (session, status, signal) =>
      parsed(agentOrders, (await post('/agent/status', session, status, signal)).text),
    async fetch(session, path, signal) {
      if (new URL(path, url).origin !== url.origin || !path.startsWith('/')) {
        throw new DaemonError('failed', `${JSON.stringify(path)} is no path of the daemon`);
      }
      let offset = 0;
      let tries = 0;
      /** Waits for the next try, or rejects with what a next try would end with, too. */
      async function again(cause: unknown): Promise<void> {
        signal.throwIfAborted();
        const code = cause instanceof DaemonError ? cause.code : undefined;
        // A daemon that was restarted knows the session again a little later; one that was not says 404 for good.
        const gone = code === 'unknown' && tries === 0 && offset === 0;
        if (gone || code === 'refused' || code === 'untrusted' || ++tries >= STREAM_TRIES) throw cause;
        await sleep(backoffMs(tries - 1, parts.random()), undefined, { signal });
      }
      async function begin(): Promise<IncomingMessage> {
        for (;;) {
          try {
            return await open(session(), path, 0, undefined, signal);
          } catch (cause) {
            await again(cause);
          }
        }
      }
      const first = await begin();
      const tag = first.headers.etag;
      async function* bytes(): AsyncGenerator<Uint8Array> {
        for (let response: IncomingMessage | undefined = first; ; ) {
          try {
            response ??= await open(session(), path, offset, tag, signal);
            response.setTimeout(STALLED_MS, () => response?.destroy(new Error('nothing came for a minute')));
            for await (const piece of response as AsyncIterable<Uint8Array>) {
              yield piece;
              offset += piece.length;
              tries = 0;
            }
            return;
          } catch (cause) {
            response = undefined;
            await again(cause);
          }
        }
      }
      return Readable.from(bytes(), { objectMode: false });
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

type SendOptions = {
  readonly credential: string;
  /** Ends the call, be it by the deadline. */
  readonly signal: AbortSignal;
  /** Of the caller: its reason is what the call then rejects with. */
  readonly cancelled: AbortSignal;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
};
type Answer = {
  readonly text: string;
  readonly headers: IncomingMessage['headers'];
  readonly calledFrom: string;
};

/**
 * Hands out connections only after their key was found to be the pinned one: what HTTP writes, the token above all, is
 * written to such a connection or nowhere. Neither names nor validity are looked at: a machine without a clock knows
 * the key and nothing else.
 */
function pinnedAgent(pin: string, localAddress: string | undefined): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const wanted = Buffer.from(pin, 'base64');
  agent.createConnection = (options, callback) => {
    const host = options.host ?? 'localhost';
    const socket = tls.connect({
      host,
      port: Number(options.port ?? 443),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(localAddress === undefined ? {} : { localAddress }),
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: false,
    });
    const failed = (cause: Error) => callback?.(cause, socket);
    socket.once('error', failed);
    socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error('no TLS within ten seconds')));
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      const spki = certificate?.publicKey.export({ type: 'spki', format: 'der' }) ?? Buffer.alloc(0);
      const got = createHash('sha256').update(spki).digest();
      if (!timingSafeEqual(got, wanted.length === got.length ? wanted : Buffer.alloc(got.length))) {
        socket.destroy(
          new DaemonError('untrusted', `its key is ${got.toString('base64')}, want ${pin}; nothing was sent to it`),
        );
        return;
      }
      socket.off('error', failed);
      socket.removeAllListeners('timeout');
      socket.setTimeout(0);
      callback?.(null, socket);
    });
    return undefined;
  };
  return agent;
}

async function bodyOf(response: IncomingMessage, cancelled: AbortSignal): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const piece of response as AsyncIterable<Uint8Array>) {
      bytes += piece.length;
      if (bytes > ANSWER_BYTES) throw new DaemonError('failed', `the answer is longer than ${ANSWER_BYTES} bytes`);
      pieces.push(piece);
    }
  } catch (cause) {
    cancelled.throwIfAborted();
    if (cause instanceof DaemonError) throw cause;
    throw new DaemonError('unreachable', `the answer broke off: ${plainCause(cause)}`, { cause });
  }
  return Buffer.concat(pieces).toString();
}

function parsed<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new DaemonError('failed', 'the daemon’s answer is not what the contract says', { cause });
  }
}

/** `ECONNREFUSED`, or the words where there is no code. */
function plainCause(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'AbortError' || cause.name === 'TimeoutError') return 'it took too long';
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
}
