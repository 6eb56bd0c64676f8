import { readFile } from 'node:fs/promises';
import { type Asked, callOf, receivedFrom } from '#machines/contract/api/client.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import type { Problem } from '#machines/contract/api/problem.ts';
import type { ReceivedOf } from '#machines/contract/api/route.ts';
import type { RouteName, Routes } from '#machines/contract/api/routes.ts';
import { watchEvent, type WatchEvent } from '#machines/contract/api/watch.ts';
import { CommandFailure, failureOf } from './failure.ts';
import { pinnedFetch, WrongCertificate } from './pinned-fetch.ts';
import { serverSentEvents } from './server-sent-events.ts';
import { spokenName } from './spoken-name.ts';
import type { Where } from './where.ts';

export type Answer<N extends RouteName> = { readonly value: ReceivedOf<Routes[N]>; readonly rev: number | undefined };

/** The daemon by its API contract. Problems become failures that say what to do, unless the caller wants to see them. */
export type Daemon = {
  readonly url: string;
  ask<N extends RouteName>(name: N, asked?: Asked<N>, about?: string): Promise<Answer<N>>;
  /** The same, but a problem is given and not thrown. */
  attempt<N extends RouteName>(name: N, asked?: Asked<N>): Promise<Answer<N> | { readonly problem: Problem }>;
  /** A stream of bytes, until the signal aborts or the daemon ends it. */
  open<N extends RouteName>(
    name: N,
    asked: Asked<N>,
    until: AbortSignal,
  ): Promise<{ readonly headers: Headers; readonly body: AsyncIterable<Uint8Array> }>;
  /**
   * Changes, for as long as the signal lasts; resumes after a broken connection. `told` hears why it broke, and nothing
   * once it is open again.
   */
  watch(
    query: Asked<'watch'>['query'],
    signal: AbortSignal,
    told?: (broken: string | undefined) => void,
  ): AsyncGenerator<WatchEvent>;
};

const RETRY_MS = 2000;

export function daemonAt({ url, token, tokenFrom, noToken, trust }: Where, signal: AbortSignal): Daemon {
  // Who comes with a certificate says nothing else.
  const authorized: Record<string, string> =
    token === undefined && trust?.certificate !== undefined ? {} : { authorization: `Bearer ${token ?? 'none'}` };
  let fetching: Promise<typeof fetch> | undefined;

  async function send(target: string, init: RequestInit): Promise<Response> {
    try {
      const fetchIt = await (fetching ??= fetchOf(trust));
      return await fetchIt(`${url}${target}`, init);
    } catch (error) {
      if (signal.aborted || error instanceof CommandFailure) throw error;
      const distrust = distrustOf(url, error);
      if (distrust) throw distrust;
      throw new CommandFailure(
        EXIT.daemonUnreachable,
        `no daemon answers at ${url}: ${reasonOf(error)}`,
        spokenName() === 'ingot'
          ? '  next: start one (sudo systemctl start ingot), or name another with --url or INGOT_URL'
          : '  next: start one (npm start, or sudo npx ingot serve --interface IF), or name another with --url or INGOT_URL',
      );
    }
  }

  const notLetIn = (): CommandFailure =>
    token === undefined
      ? new CommandFailure(EXIT.refused, ...noToken)
      : new CommandFailure(
          EXIT.refused,
          `the daemon at ${url} does not know the token from ${tokenFrom}`,
          '  next: if that is another daemon, name this one’s data directory (--data DIR) or its address (--url URL); else set INGOT_TOKEN',
        );

  async function attempt<N extends RouteName>(
    name: N,
    asked: Asked<N> = {},
  ): Promise<Answer<N> | { readonly problem: Problem }> {
    const { method, target, headers, body } = callOf(name, asked);
    const response = await send(target, {
      method,
      headers: { ...headers, ...authorized },
      signal,
      redirect: 'error',
      ...(body === undefined ? {} : { body: body as string | Uint8Array<ArrayBuffer> }),
    });
    const received = receivedFrom(name, {
      status: response.status,
      etag: response.headers.get('etag') ?? undefined,
      body: new Uint8Array(await response.arrayBuffer()),
    });
    if (received.kind === 'done') return received;
    // A wrong password is no wrong token.
    if (received.problem.code === 'unauthenticated' && name !== 'login') throw notLetIn();
    return { problem: received.problem };
  }

  return {
    url,
    attempt,
    async ask(name, asked, about) {
      const answer = await attempt(name, asked);
      if ('problem' in answer) throw failureOf(answer.problem, about);
      return answer;
    },
    async open(name, asked, until) {
      const { method, target, headers, body } = callOf(name, asked);
      const response = await send(target, {
        method,
        headers: { ...headers, ...authorized },
        signal: AbortSignal.any([signal, until]),
        redirect: 'error',
        ...(body === undefined ? {} : { body: body as string | Uint8Array<ArrayBuffer> }),
      });
      if (response.status === 401) throw notLetIn();
      if (!response.ok || !response.body) throw await refusal(response);
      return { headers: response.headers, body: response.body };
    },
    async *watch(query, until, told) {
      const both = AbortSignal.any([signal, until]);
      let lastId: string | undefined;
      while (!both.aborted) {
        const { target, headers } = callOf('watch', { query: query ?? {} });
        try {
          const response = await send(target, {
            headers: {
              ...headers,
              accept: 'text/event-stream',
              ...authorized,
              ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
            },
            signal: both,
          });
          if (response.status === 401) throw notLetIn();
          if (!response.ok || !response.body) throw await refusal(response);
          told?.(undefined);
          for await (const { id, data } of serverSentEvents(response.body)) {
            lastId = id ?? lastId;
            if (data !== undefined) yield watchEvent.parse(JSON.parse(data));
          }
        } catch (error) {
          if (both.aborted) return;
          // A stream that breaks is opened again; one that never opened is not.
          if (lastId === undefined || (error instanceof CommandFailure && error.status === EXIT.refused)) throw error;
          told?.(reasonOf(error));
        }
        await pause(RETRY_MS, both);
      }
    },
  };
}

async function refusal(response: Response): Promise<CommandFailure> {
  const body = new Uint8Array(await response.arrayBuffer());
  const received = receivedFrom('getStatus', { status: response.status, etag: undefined, body });
  return received.kind === 'problem'
    ? failureOf(received.problem)
    : new CommandFailure(EXIT.failed, 'no stream was given');
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });

async function fetchOf(trust: Where['trust']): Promise<typeof fetch> {
  if (trust === undefined || Object.keys(trust).length === 0) return fetch;
  const { pin, ca, certificate, key } = trust;
  const read = (file: string): Promise<string> =>
    readFile(file, 'utf8').catch((error: unknown) => {
      throw new CommandFailure(EXIT.badInput, `${file} cannot be read: ${String(error)}`);
    });
  return pinnedFetch({
    ...(pin === undefined ? {} : { pin }),
    ...(ca === undefined ? {} : { ca: await read(ca) }),
    ...(certificate === undefined || key === undefined
      ? {}
      : { client: { certificate: await read(certificate), key: await read(key) } }),
  });
}

/** Its certificate is not who it should be: nothing was sent. */
function distrustOf(url: string, error: unknown): CommandFailure | undefined {
  if (error instanceof WrongCertificate) {
    return new CommandFailure(
      EXIT.refused,
      `${error.message} than the one that was pinned; nothing was sent`,
      '  next: ask whoever runs it whether it has a new one, then: ingot login --fingerprint SHA256',
    );
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (!/CERT|SIGNATURE|ALTNAME|ISSUER/.test(code)) return undefined;
  return new CommandFailure(
    EXIT.refused,
    `nobody whom this machine trusts has signed the certificate of ${url} (${code}); nothing was sent`,
    '  next: ingot login URL --fingerprint SHA256 (ingot serve prints it), or --ca FILE',
  );
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message;
  return cause instanceof Error ? cause.message : String(cause);
}
