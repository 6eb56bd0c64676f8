import { type Asked, callOf, receivedFrom } from '#machines/contract/api/client.ts';
import { makeProblem, type Problem } from '#machines/contract/api/problem.ts';
import type { ReceivedOf } from '#machines/contract/api/route.ts';
import type { RouteName, Routes } from '#machines/contract/api/routes.ts';

/** What the daemon did not do, and why (RFC 9457). */
export class Refusal extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail ?? problem.title);
    this.name = 'Refusal';
    this.problem = problem;
  }
}

export type Answered<N extends RouteName> = {
  readonly value: ReceivedOf<Routes[N]>;
  readonly rev: number | undefined;
};

/** The daemon that this page came from, by its contract. Its session is a cookie that no script sees. */
export async function answerOf<N extends RouteName>(
  name: N,
  asked: Asked<N> = {},
  signal?: AbortSignal,
): Promise<Answered<N>> {
  const response = await send(name, asked, signal);
  const received = receivedFrom(name, {
    status: response.status,
    etag: response.headers.get('etag') ?? undefined,
    body: new Uint8Array(await response.arrayBuffer()),
  });
  if (received.kind === 'done') return received;
  // The session is over: the door says how to come in again.
  if (received.problem.code === 'unauthenticated') location.reload();
  throw new Refusal(received.problem);
}

export async function ask<N extends RouteName>(
  name: N,
  asked: Asked<N> = {},
  signal?: AbortSignal,
): Promise<ReceivedOf<Routes[N]>> {
  return (await answerOf(name, asked, signal)).value;
}

/** A stream of bytes, such as a console: open until the signal aborts or the daemon ends it. */
export async function openStream<N extends RouteName>(
  name: N,
  asked: Asked<N>,
  signal: AbortSignal,
): Promise<{ readonly headers: Headers; readonly body: ReadableStream<Uint8Array> }> {
  const response = await send(name, asked, signal);
  if (response.ok && response.body) return { headers: response.headers, body: response.body };
  const body = new Uint8Array(await response.arrayBuffer());
  const received = receivedFrom('getStatus', { status: response.status, etag: undefined, body });
  throw new Refusal(
    received.kind === 'problem' ? received.problem : makeProblem('unavailable', { detail: 'no stream was given' }),
  );
}

async function send<N extends RouteName>(name: N, asked: Asked<N>, signal?: AbortSignal): Promise<Response> {
  const { method, target, headers, body } = callOf(name, asked);
  try {
    return await fetch(target, {
      method,
      headers,
      ...(signal ? { signal } : {}),
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal(
      makeProblem('unavailable', {
        title: 'The daemon does not answer',
        detail: 'The daemon does not answer.',
        next: 'Look whether it still runs; this page goes on by itself when it does.',
      }),
    );
  }
}

export const problemOf = (error: unknown): Pick<Problem, 'title' | 'detail' | 'next' | 'errors'> =>
  error instanceof Refusal
    ? error.problem
    : { title: 'It failed', detail: error instanceof Error ? error.message : String(error) };
