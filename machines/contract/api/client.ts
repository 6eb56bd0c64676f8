import type { z } from 'zod';
import { makeProblem, problem, type Problem } from './problem.ts';
import type { AskedBodyOf, AskedParamsOf, AskedQueryOf, ReceivedOf, Route } from './route.ts';
import { type RouteName, ROUTES, type Routes } from './routes.ts';

/** A request as it goes out. */
export type ApiCall = {
  readonly method: Route['method'];
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
};

/** An answer as it comes in. */
export type ApiReply = {
  readonly status: number;
  readonly etag: string | undefined;
  readonly body: Uint8Array;
};

/** What a caller gives, by the schemas of the route. */
export type Asked<N extends RouteName> = {
  readonly params?: AskedParamsOf<Routes[N]>;
  readonly query?: Partial<AskedQueryOf<Routes[N]>>;
  readonly body?: AskedBodyOf<Routes[N]>;
  /** Only if the resource still has this `rev`; 0: only if there is none. */
  readonly expected?: number;
  /** The same answer whenever it is asked for again with this word, and nothing is done twice: operations (POST) only. */
  readonly once?: string;
};

export type Received<N extends RouteName> =
  | { readonly kind: 'done'; readonly value: ReceivedOf<Routes[N]>; readonly rev: number | undefined }
  | { readonly kind: 'problem'; readonly problem: Problem };

type QueryValue = string | number | boolean | undefined;

/** The request of a route. */
export function callOf<N extends RouteName>(name: N, asked: Asked<N>): ApiCall {
  const route: Route = ROUTES[name];
  const params = (asked.params ?? {}) as Readonly<Record<string, string>>;
  const path = route.path.replace(/\{(\w+)\}/g, (_whole, key: string) => encodeURIComponent(params[key] ?? ''));
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(
    (asked.query ?? {}) as Readonly<Record<string, QueryValue | readonly QueryValue[]>>,
  )) {
    for (const one of [value].flat()) if (one !== undefined) query.append(key, String(one));
  }
  const text = query.toString();
  return {
    method: route.method,
    target: text === '' ? path : `${path}?${text}`,
    headers: {
      accept: 'application/json, application/problem+json',
      ...(route.body && asked.body !== undefined ? { 'content-type': contentType(route) } : {}),
      ...(asked.once === undefined ? {} : { 'idempotency-key': `"${asked.once}"` }),
      ...(asked.expected === undefined
        ? {}
        : asked.expected === 0
          ? { 'if-none-match': '*' }
          : { 'if-match': `"${asked.expected}"` }),
    },
    body: route.body?.kind === 'bytes' ? (asked.body as Uint8Array) : bodyText(asked.body),
  };
}

const contentType = ({ body }: Route): string => (body?.kind === 'bytes' ? body.contentType : 'application/json');
const bodyText = (body: unknown): string | undefined => (body === undefined ? undefined : JSON.stringify(body));

/** What the answer to it means. An answer that is no answer of ours becomes a problem as well. */
export function receivedFrom<N extends RouteName>(name: N, reply: ApiReply): Received<N> {
  const { answer }: Route = ROUTES[name];
  if (reply.status >= 400) return { kind: 'problem', problem: problemFrom(reply) };
  const rev = /^(?:W\/)?"(\d+)"$/.exec(reply.etag ?? '')?.[1];
  const done = (value: unknown): Received<N> => ({
    kind: 'done',
    value: value as ReceivedOf<Routes[N]>,
    rev: rev === undefined ? undefined : Number(rev),
  });
  if (answer.kind === 'empty') return done(undefined);
  if (answer.kind === 'bytes') return done(reply.body);
  const text = new TextDecoder().decode(reply.body);
  if (answer.kind !== 'json') return done(text);
  const read = jsonOf(text, answer.schema);
  if (read.ok) return done(read.value);
  return { kind: 'problem', problem: notOurs(`${name}: ${read.because}`) };
}

function problemFrom(reply: ApiReply): Problem {
  const read = jsonOf(new TextDecoder().decode(reply.body), problem);
  return read.ok ? read.value : notOurs(`it answered ${reply.status}`);
}

const notOurs = (detail: string): Problem =>
  makeProblem('unavailable', { title: 'That is no answer of an Ingot of this version', detail });

function jsonOf<S extends z.ZodType>(
  text: string,
  schema: S,
): { readonly ok: true; readonly value: z.output<S> } | { readonly ok: false; readonly because: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, because: 'it is no JSON' };
  }
  const read = schema.safeParse(json);
  if (read.success) return { ok: true, value: read.data };
  const issue = read.error.issues[0];
  return { ok: false, because: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown form'}` };
}
