import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { BmcError, type BmcObserver, type BmcTarget } from '../contract.ts';
import { etagTries, isEtagWay, wantsOtherEtag } from './decide/etag.ts';
import { read, readJson } from './decide/read.ts';
import { refusalOf, retryAfterMs, type Refusal } from './decide/refusal.ts';
import { type ServiceRoot, serviceRoot } from './decide/resources.ts';
import { taskProgress } from './decide/task.ts';
import { type BmcHttp, bmcUrl, type HttpAnswer, type HttpRequest, openHttp } from './http.ts';
import type { RedfishLimits } from './limits.ts';
import { following, withSlash } from './redirects.ts';
import { after, locationPath, openSession } from './session.ts';

export const ROOT = '/redfish/v1/';

export type Got = { readonly path: string; readonly body: unknown; readonly etag?: string };

/** How a change went. `unknown`: its task was forgotten; look at the effect. */
export type Done = 'done' | 'running' | 'unknown';

/** Whatever a BMC refused, with the keys of its messages beside the code. */
export class RedfishRefusal extends BmcError {
  readonly keys: readonly string[];
  readonly messageArgs: readonly string[];
  constructor(doing: string, refusal: Refusal) {
    super(refusal.code, `${doing}: ${refusal.text}`, after(refusal));
    this.keys = refusal.keys;
    this.messageArgs = refusal.args;
  }
}

/** A Redfish service with a login. What is read is checked; each failure is a `BmcError`. */
export type RedfishService = AsyncDisposable & {
  readonly root: ServiceRoot;
  get(path: string, signal: AbortSignal): Promise<Got>;
  read<T>(schema: z.ZodType<T>, path: string, signal: AbortSignal): Promise<T>;
  parse<T>(schema: z.ZodType<T>, got: Got): T;
  /** PATCH, with If-Match in the way that this service takes. `etag`: of what was read before. */
  change(
    path: string,
    body: unknown,
    options: { readonly etag?: string | undefined; readonly signal: AbortSignal },
  ): Promise<Done>;
  /** An action, or a new member. Never with If-Match: iDRAC answers 412 to it. */
  post(path: string, body: unknown, signal: AbortSignal): Promise<Done>;
  remove(path: string, signal: AbortSignal): Promise<void>;
  /** What was found out, to be told to the observer and given back at the next visit. */
  learn(facts: Readonly<Record<string, string>>): void;
  learned(name: string): string | undefined;
  /** Closes the connections of the burst that is over. */
  rest(): void;
};

/** Reads the service root; logs in at the first request after it. */
export async function openService(
  target: BmcTarget,
  options: {
    readonly observer?: BmcObserver | undefined;
    readonly limits: RedfishLimits;
    readonly signal: AbortSignal;
  },
): Promise<RedfishService> {
  const { observer, limits, signal } = options;
  const facts = new Map(Object.entries(target.learned ?? {}));
  const http = openHttp({
    url: bmcUrl(target.address),
    pin: target.pin,
    onFirst: (certificate) => observer?.pinned?.(certificate),
    isLegacy: facts.get('tls') === 'legacy',
    limits,
  });
  try {
    const root = await readRoot(http, signal);
    return serviceOf({ target, observer, limits, http, root, facts });
  } catch (error) {
    http[Symbol.dispose]();
    throw error;
  }
}

/** Asks without a login: nothing is known of whom. */
export async function readRoot(http: BmcHttp, signal: AbortSignal): Promise<ServiceRoot> {
  const answer = await following(http.origin, (request) => http.send(request, signal), { method: 'GET', path: ROOT });
  const got = gotOf({ path: ROOT, answer });
  const result = read(serviceRoot, got.body);
  if (!result.ok) throw new BmcError('malformed', `${ROOT}: ${result.because}`);
  return result.value;
}

function serviceOf(parts: {
  readonly target: BmcTarget;
  readonly observer: BmcObserver | undefined;
  readonly limits: RedfishLimits;
  readonly http: BmcHttp;
  readonly root: ServiceRoot;
  readonly facts: Map<string, string>;
}): RedfishService {
  const { target, observer, limits, http, root, facts } = parts;
  const known = facts.get('auth');
  const session = openSession({
    http,
    credential: target.credential,
    path: sessionsPath(root),
    learned: known === 'session' || known === 'basic' ? known : undefined,
    onLearned: (way) => learn({ auth: way }),
    limits,
  });
  // iLO answers each path without a slash at its end with a redirect to the one that has it.
  let slashes = false;

  function learn(found: Readonly<Record<string, string>>): void {
    const isNew = Object.entries(found).some(([name, value]) => facts.get(name) !== value);
    if (!isNew) return;
    for (const [name, value] of Object.entries(found)) facts.set(name, value);
    observer?.learned?.(Object.fromEntries(facts));
  }

  async function exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    return await following(
      http.origin,
      (one) => session.send(one, signal),
      request,
      () => {
        slashes = true;
      },
    );
  }

  async function get(path: string, signal: AbortSignal): Promise<Got> {
    const local = localPath(http.origin, path);
    const request = { method: 'GET', path: slashes ? withSlash(local) : local } as const;
    let answer = await exchange(request, signal);
    if (answer.status === 404 && request.path !== local) answer = await exchange({ ...request, path: local }, signal);
    if (TRIED_AGAIN.has(answer.status)) answer = await exchange(request, signal);
    return gotOf({ path, answer });
  }

  function parse<T>(schema: z.ZodType<T>, { path, body }: Got): T {
    const result = read(schema, body);
    if (!result.ok) throw new BmcError('malformed', `${path}: ${result.because}`);
    return result.value;
  }

  async function change(
    path: string,
    body: unknown,
    { etag, signal }: { readonly etag?: string | undefined; readonly signal: AbortSignal },
  ): Promise<Done> {
    const local = localPath(http.origin, path);
    const learned = facts.get('etag');
    let answer: HttpAnswer | undefined;
    for (const { way, ifMatch } of etagTries(etag, isEtagWay(learned) ? learned : undefined)) {
      const headers: Record<string, string> = ifMatch === undefined ? {} : { 'If-Match': ifMatch };
      answer = await exchange({ method: 'PATCH', path: local, body, headers }, signal);
      if (wantsOtherEtag(answer.status)) continue;
      if (answer.status < 300) learn({ etag: way });
      break;
    }
    if (!answer) throw new Error('a change has at least one way to be tried');
    return await finish(`PATCH ${path}`, answer, signal);
  }

  /** Waits for a task where the answer is one. */
  async function finish(doing: string, answer: HttpAnswer, signal: AbortSignal): Promise<Done> {
    if (answer.status >= 300) throw refusal(doing, answer);
    if (answer.status !== 202) return 'done';
    const monitor = locationPath(answer.headers['location']);
    if (monitor === undefined) return 'unknown';
    const began = performance.now();
    let wasSeen = false;
    let wait = pollMs(answer);
    for (;;) {
      await sleep(wait, undefined, { signal });
      const looked = await exchange({ method: 'GET', path: monitor }, signal);
      const took = performance.now() - began;
      const progress = taskProgress(looked.status, jsonOr(looked, undefined));
      switch (progress.kind) {
        case 'done':
          return 'done';
        case 'failed':
          throw new BmcError('refused', `${doing}: its task failed: ${progress.text}`);
        case 'gone':
          if (wasSeen || took > limits.taskAppearsMs) return 'unknown';
          break;
        case 'running':
          wasSeen = true;
          if (took > limits.taskMs) return 'running';
          break;
        default:
          return progress satisfies never;
      }
      wait = pollMs(looked);
    }
  }

  function pollMs({ headers }: HttpAnswer): number {
    const asked = retryAfterMs(headers['retry-after'], Date.now()) ?? limits.taskPollMs;
    return Math.min(Math.max(asked, 20), 10_000, Math.max(limits.taskMs, 20));
  }

  return {
    root,
    get,
    parse,
    read: async (schema, path, signal) => parse(schema, await get(path, signal)),
    change,
    async post(path, body, signal) {
      const answer = await exchange({ method: 'POST', path: localPath(http.origin, path), body }, signal);
      return await finish(`POST ${path}`, answer, signal);
    },
    async remove(path, signal) {
      const answer = await exchange({ method: 'DELETE', path: localPath(http.origin, path) }, signal);
      await finish(`DELETE ${path}`, answer, signal);
    },
    learn,
    learned: (name) => facts.get(name),
    rest: () => http.rest(),
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      http[Symbol.dispose]();
    },
  };
}

/** A read that the service failed at, or that its web server could not pass on. 503 is the caller's to wait for. */
const TRIED_AGAIN = new Set([500, 502, 504]);
/** A reference of the service itself. One that leads elsewhere is not followed. */
function localPath(origin: string, path: string): string {
  const url = URL.parse(path, origin);
  if (url?.origin !== origin) {
    throw new BmcError('malformed', `it refers to ${JSON.stringify(path.slice(0, 200))}, which is not its own`);
  }
  return `${url.pathname}${url.search}`;
}

/** DSP0266 §"Session login": found at the root, since nothing else may be read before. */
function sessionsPath({ Links, SessionService }: ServiceRoot): string | undefined {
  return (
    Links?.Sessions ?? (SessionService === undefined ? undefined : `${SessionService.replace(/\/$/, '')}/Sessions`)
  );
}

function gotOf({ path, answer }: { readonly path: string; readonly answer: HttpAnswer }): Got {
  if (answer.status !== 200) throw refusal(`GET ${path}`, answer);
  const json = readJson(answer.text);
  if (!json.ok) throw new BmcError('malformed', `${path}: ${json.because}`);
  const etag = answer.headers['etag'] ?? etagIn(json.value);
  return { path, body: json.value, ...(etag === undefined ? {} : { etag }) };
}

function etagIn(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('@odata.etag' in body)) return undefined;
  return typeof body['@odata.etag'] === 'string' ? body['@odata.etag'] : undefined;
}

function refusal(doing: string, answer: HttpAnswer): RedfishRefusal {
  const { status, headers } = answer;
  const body = jsonOr(answer, undefined);
  return new RedfishRefusal(doing, refusalOf({ status, retryAfter: headers['retry-after'], body, now: Date.now() }));
}

function jsonOr({ text }: HttpAnswer, otherwise: unknown): unknown {
  const json = readJson(text);
  return json.ok ? json.value : otherwise;
}
