import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { successStatus } from '#machines/contract/api/openapi.ts';
import { type FieldError, makeProblem, pointerOf, type Problem, PROBLEM_TYPE } from '#machines/contract/api/problem.ts';
import type { Route } from '#machines/contract/api/route.ts';
import { type RouteName, ROUTES } from '#machines/contract/api/routes.ts';
import { dotted } from '#services/yaml/read-yaml.ts';
import { issueText } from '#services/yaml/issue-text.ts';
import { knownKeys, nearest } from '#services/yaml/known-keys.ts';
import type { AccessKey } from '#services/store/contract.ts';
import type { ApiAnswer, AuditNote, Handlers, OpenRouteName } from './answers.ts';
import type { OperatorApiParts } from './contract.ts';
import { crossSiteProblem, enter, hostProblem, sendProblem } from './guard.ts';
import type { Claim, KeptAnswers, SentAnswer } from './kept-answers.ts';
import type { Within } from './scope.ts';

const JSON_BYTES = 1 << 20;
/** 20,000 documents. */
const APPLY_BYTES = 32 << 20;

type AnyAnswer = ApiAnswer<RouteName>;
type AnyHandler = (request: unknown) => Promise<AnyAnswer> | AnyAnswer;

/** What a route that is not just asked and answered does with a caller who was let in. */
export type Special = (
  request: FastifyRequest,
  reply: FastifyReply,
  caller: AccessKey,
  query: unknown,
  /** May the caller know of this machine? */
  sees: (machine: string | undefined) => boolean,
) => unknown;

/** Answers whoever has not logged in. */
export type OpenRoutes = Readonly<
  Record<OpenRouteName, (request: FastifyRequest, reply: FastifyReply, read: ReadRequest) => Promise<unknown>>
>;

export type Entrance = Pick<OperatorApiParts, 'access' | 'users' | 'audit' | 'log' | 'now'> & {
  readonly hostNames: readonly string[];
  /** For people who are not let in: the page that says how. */
  readonly door: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;
  readonly count: (route: RouteName, status: number) => void;
  readonly tellRequest: OperatorApiParts['tellRequest'];
  readonly kept: KeptAnswers;
  /** What a caller with a scope may see; nothing for who has none. */
  readonly within: (caller: AccessKey) => Within | undefined;
};

const seesAll = (): boolean => true;

/** Puts the whole route table on a server: host, caller, role, validation, handler, audit, answer, in that order. */
export function registerRoutes(
  app: FastifyInstance,
  handlers: Handlers,
  specials: Readonly<Record<Exclude<RouteName, keyof Handlers | OpenRouteName>, Special>>,
  opens: OpenRoutes,
  entrance: Entrance,
): void {
  for (const [name, route] of Object.entries<Route>(ROUTES) as [RouteName, Route][]) {
    const callers = new WeakMap<FastifyRequest, AccessKey>();
    app.route({
      method: route.method,
      url: route.path.replace(/\{(\w+)\}/g, ':$1'),
      exposeHeadRoute: false,
      bodyLimit: route.body?.kind === 'bytes' ? route.body.maxBytes : name === 'apply' ? APPLY_BYTES : JSON_BYTES,
      // Before the body is read: a stranger's bytes are never parsed.
      onRequest: async (request, reply) => {
        const wrongHost = hostProblem(request, entrance.hostNames);
        if (wrongHost) return sendProblem(reply, wrongHost);
        const crossSite = crossSiteProblem(request, route);
        if (crossSite) return sendProblem(reply, crossSite);
        if (route.role === 'anyone') return undefined;
        const entry = await enter(request, { method: route.method, role: route.role }, entrance);
        if (entry.kind === 'in') return void callers.set(request, entry.caller);
        if (name === 'getPage') return await entrance.door(request, reply);
        return sendProblem(reply, entry.problem);
      },
      onResponse: (request, reply, done) => {
        entrance.count(name, reply.statusCode);
        const endMs = entrance.now();
        entrance.tellRequest?.({
          route: name,
          method: route.method,
          path: route.path,
          status: reply.statusCode,
          startMs: endMs - reply.elapsedTime,
          endMs,
          parent: request.headers['traceparent']?.toString(),
        });
        done();
      },
      handler: async (request, reply) => {
        const sent = readRequest(route, request);
        if ('problem' in sent) return sendProblem(reply, sent.problem);
        if (route.role === 'anyone') return await opens[name as OpenRouteName](request, reply, sent);
        const caller = callers.get(request);
        if (!caller) throw new Error(`${name} was reached without a caller`);
        const within = entrance.within(caller);
        const entered = (await within?.enter(name, sent)) ?? { read: sent };
        if ('problem' in entered) return sendProblem(reply, entered.problem);
        const read = { ...sent, ...entered.read };
        const special = specials[name as keyof typeof specials] as Special | undefined;
        if (special) await recordSpecial(name, route, request, caller, entrance);
        if (special) return await special(request, reply, caller, read.query, within?.sees ?? seesAll);
        const handler = handlers[name as keyof Handlers] as AnyHandler;
        const reachedUrl = `${request.protocol}://${request.headers.host ?? ''}`;
        const once = await begin(route, request, caller, entrance.kept);
        if (once.kind === 'known') return sendOnce(reply, once.sent);
        let given: SentAnswer | undefined;
        try {
          const whole = await handler({ ...read, caller, reachedUrl, address: request.ip });
          const answer = within?.leave(name, whole) ?? whole;
          await record(name, route, request, caller, answer, entrance);
          if (once.kind === 'plain') return sendAnswer(reply, route, answer);
          given = sentAnswer(route, answer);
        } finally {
          // What the daemon failed at, or had no time for, may be asked for again with the same key.
          if (once.kind === 'first') await once.end(given && isLasting(given.status) ? given : undefined);
        }
        return sendOnce(reply, given);
      },
    });
  }
}

/** What an idempotency key says of a request: any operation (POST) with a JSON body, or none, may carry one. */
async function begin(
  route: Route,
  request: FastifyRequest,
  caller: AccessKey,
  kept: KeptAnswers,
): Promise<{ readonly kind: 'plain' } | Extract<Claim, { kind: 'first' }> | { kind: 'known'; sent: SentAnswer }> {
  const header = request.headers['idempotency-key'];
  if (header === undefined || route.method !== 'POST' || route.body?.kind === 'bytes') return { kind: 'plain' };
  const problem = (...args: Parameters<typeof makeProblem>) =>
    ({ kind: 'known', sent: sentProblem(makeProblem(...args)) }) as const;
  // The draft's form is a quoted string; many clients send the bare key.
  const key = /^"?([\x21\x23-\x7e]{1,255})"?$/.exec(String(header))?.[1];
  if (key === undefined) {
    return problem('invalid', { detail: 'Idempotency-Key: want 1 to 255 visible ASCII characters, such as a UUID' });
  }
  const claim = await kept.claim({
    caller: `${caller.kind} ${caller.id}`,
    key,
    request: [route.method, request.url, request.headers['if-match'] ?? '', JSON.stringify(request.body ?? null)],
  });
  switch (claim.kind) {
    case 'first':
      return claim;
    case 'repeat':
      return { kind: 'known', sent: claim.answer };
    case 'other-request':
      return problem('key-reused', { next: 'choose a new key for each operation' });
    case 'busy':
      return problem('refused', { detail: 'it is being done at this moment', next: 'ask again with the same key' });
    case 'unknown':
      return problem('refused', {
        detail: 'the daemon ended while this was being done, and nobody knows how far it came',
        next: 'look at what is there, then ask with a new key',
      });
    default:
      return claim satisfies never;
  }
}

const isLasting = (status: number): boolean => status < 500 && status !== 429;

function sentAnswer(route: Route, answer: AnyAnswer): SentAnswer {
  if (answer.kind === 'problem') return sentProblem(answer.problem);
  if (answer.kind !== 'done') throw new Error(`${route.path} answers with ${answer.kind}: it takes no idempotency key`);
  return {
    status: answer.status ?? successStatus(route),
    type: 'application/json; charset=utf-8',
    body: answer.value === undefined ? '' : JSON.stringify(answer.value),
    ...(answer.rev === undefined ? {} : { etag: `"${answer.rev}"` }),
  };
}

const sentProblem = (problem: Problem): SentAnswer => ({
  status: problem.status,
  type: PROBLEM_TYPE,
  body: JSON.stringify(problem),
});

function sendOnce(reply: FastifyReply, sent: SentAnswer): FastifyReply {
  const { status, type, etag, body } = sent;
  if (etag !== undefined) reply.header('etag', etag);
  reply.code(status);
  return body === '' ? reply.send() : reply.header('content-type', type).send(body);
}

/** What answers by itself, and may last for hours, is written down when it begins: an open console, the end of a session. */
async function recordSpecial(
  name: RouteName,
  route: Route,
  request: FastifyRequest,
  caller: AccessKey,
  { audit, now }: Entrance,
): Promise<void> {
  if (route.method === 'GET') return;
  const target = Object.values(request.params as Record<string, string>).join(' ');
  await audit.append({ at: now(), who: caller.name, action: name, target, detail: '' });
}

/** Every change is written down with who made it. */
async function record(
  name: RouteName,
  route: Route,
  request: FastifyRequest,
  caller: AccessKey,
  answer: AnyAnswer,
  { audit, log, now }: Entrance,
): Promise<void> {
  const note: AuditNote | undefined = answer.kind === 'done' ? answer.audit : undefined;
  // Reading is written down only where the handler says so: what it gave away is secret.
  if (route.method === 'GET' && note === undefined) return;
  if (answer.kind === 'problem') {
    log.info({ who: caller.name, action: name, code: answer.problem.code, detail: answer.problem.detail }, 'refused');
    return;
  }
  if (note === 'nothing-changed') return;
  const target = note?.target ?? Object.values(request.params as Record<string, string>).join(' ');
  const detail = note?.detail ?? '';
  log.info({ who: caller.name, action: name, target, detail }, 'changed by an operator');
  await audit.append({ at: now(), who: caller.name, action: name, target, detail });
}

function sendAnswer(reply: FastifyReply, route: Route, answer: AnyAnswer): FastifyReply {
  switch (answer.kind) {
    case 'problem':
      return sendProblem(reply, answer.problem);
    case 'json-text':
      return reply.header('content-type', 'application/json; charset=utf-8').send(answer.text);
    case 'text':
      return reply.header('content-type', contentTypeOf(route)).send(answer.text);
    case 'bytes':
      if (answer.fileName !== undefined) {
        reply.header(
          'content-disposition',
          `attachment; filename="${answer.fileName.replace(/[^A-Za-z0-9._-]/g, '_')}"`,
        );
      }
      return reply
        .header('content-type', answer.contentType ?? contentTypeOf(route))
        .send(Buffer.from(answer.bytes.buffer, answer.bytes.byteOffset, answer.bytes.byteLength));
    case 'done':
      if (answer.rev !== undefined) reply.header('etag', `"${answer.rev}"`);
      reply.code(answer.status ?? successStatus(route));
      if (answer.value === undefined) return reply.send();
      return reply.header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(answer.value));
    default:
      return answer satisfies never;
  }
}

const contentTypeOf = ({ answer }: Route): string =>
  answer.kind === 'text' || answer.kind === 'bytes' ? answer.contentType : 'application/json; charset=utf-8';

/** What came with a request, valid by the schemas of its route. */
export type ReadRequest = {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly expected: number | undefined;
  readonly overwrites: boolean;
};

function readRequest(route: Route, request: FastifyRequest): ReadRequest | { readonly problem: Problem } {
  const errors: FieldError[] = [];
  const read = (where: FieldError['in'], schema: z.ZodType | undefined, value: unknown): unknown => {
    const result = schema?.safeParse(value);
    if (!result || !schema) return undefined;
    if (!result.success)
      errors.push(...result.error.issues.flatMap((issue) => fieldErrors(where, schema, issue, value)));
    return result.data;
  };
  const params = read('path', route.params, request.params);
  const query = read('query', route.query, request.query) ?? {};
  const body = route.body?.kind === 'json' ? read('body', route.body.schema, request.body) : request.body;
  const first = errors[0];
  if (first) {
    const detail = first.path === '' ? first.text : `${first.path}: ${first.text}`;
    return { problem: makeProblem('invalid', { detail, errors }) };
  }
  const expected = expectedRev(request);
  if (expected === 'malformed') {
    return { problem: makeProblem('invalid', { detail: 'If-Match: want the ETag of an earlier answer, such as "3"' }) };
  }
  return { params, query, body, expected, overwrites: request.headers['if-match'] === '*' };
}

function fieldErrors(
  where: FieldError['in'],
  schema: z.ZodType,
  issue: z.core.$ZodIssue,
  value: unknown,
): readonly FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path, value);
    return issue.keys.map((key) => {
      const close = nearest(key, known);
      return {
        in: where,
        path: dotted([...issue.path, key]),
        ...(where === 'body' ? { pointer: pointerOf([...issue.path, key]) } : {}),
        text: `unknown key${close ? `; did you mean ${close}?` : ''}`,
      };
    });
  }
  const got = issue.path.reduce<unknown>(
    (inner, part) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, part) : undefined),
    value,
  );
  return [
    {
      in: where,
      path: dotted(issue.path),
      ...(where === 'body' ? { pointer: pointerOf(issue.path) } : {}),
      // What is wrong about a password is said without it: answers are kept in logs and screenshots.
      text: issueText(issue, isSecret(issue.path) ? '***' : got),
    },
  ];
}

const isSecret = (path: readonly PropertyKey[]): boolean =>
  path.some((part) => /^(password|current|kg|secret|token)$/.test(String(part)));

function expectedRev(request: FastifyRequest): number | undefined | 'malformed' {
  if (request.headers['if-none-match'] === '*') return 0;
  const header = request.headers['if-match'];
  if (header === undefined || header === '*') return undefined;
  const rev = /^(?:W\/)?"(\d{1,15})"$/.exec(header)?.[1];
  return rev === undefined ? 'malformed' : Number(rev);
}
