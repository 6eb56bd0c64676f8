import { BmcError, type BmcCredential } from '../contract.ts';
import { readJson } from './decide/read.ts';
import { refusalOf } from './decide/refusal.ts';
import type { BmcHttp, HttpAnswer, HttpRequest } from './http.ts';
import type { RedfishLimits } from './limits.ts';
import { following } from './redirects.ts';

export type AuthWay = 'session' | 'basic';

/** Requests with a login. Disposing of it logs out, within `logoutMs` and whatever the BMC does. */
export type RedfishSession = AsyncDisposable & {
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
};

type Login = { readonly headers: Readonly<Record<string, string>>; readonly logoutPath?: string };

/** Not there: a service without sessions, or iDRAC 8, which has the collection and answers 405 to a login. */
const NO_SESSIONS = new Set([404, 405, 501]);

/**
 * One session for one BMC, opened when it is first needed and kept: BMCs have few (iDRAC: 8), and one that nobody closes
 * is lost for up to half an hour. Basic authentication is taken only where there are no sessions, and never again where
 * there once were. A refused password is not sent twice: BMCs lock accounts after a few.
 */
export function openSession(options: {
  readonly http: BmcHttp;
  readonly credential: BmcCredential | undefined;
  /** Where to log in; nothing where the service has no sessions. */
  readonly path: string | undefined;
  readonly learned: AuthWay | undefined;
  readonly onLearned: (way: AuthWay) => void;
  readonly limits: RedfishLimits;
}): RedfishSession {
  const { http, credential, path, onLearned, limits } = options;
  let way = options.learned;
  let login: Promise<Login> | undefined;
  let refused: BmcError | undefined;
  let isClosed = false;
  const closing = new AbortController();

  async function logIn({ username, password }: BmcCredential): Promise<Login> {
    if (way === 'basic' || path === undefined) return basic(username, password);
    // A login that its caller no longer waits for is still answered, and the session it got is kept or closed.
    const answer = await following(http.origin, (request) => http.send(request, closing.signal), {
      method: 'POST',
      path,
      body: { UserName: username, Password: password },
    });
    const { status, headers, text } = answer;
    const token = headers['x-auth-token'];
    if (status < 300 && token !== undefined && token !== '') {
      learn('session');
      const logoutPath = locationPath(headers['location']) ?? sessionIn(text, path);
      return { headers: { 'X-Auth-Token': token }, ...(logoutPath === undefined ? {} : { logoutPath }) };
    }
    if (NO_SESSIONS.has(status) && way !== 'session') return basic(username, password);
    if (status < 300) throw new BmcError('malformed', `the login at ${path} was answered ${status} without a token`);
    throw loginRefused(answer);
  }

  function basic(username: string, password: string): Login {
    learn('basic');
    const text = Buffer.from(`${username}:${password}`, 'utf8').toString('base64');
    return { headers: { Authorization: `Basic ${text}` } };
  }

  function learn(found: AuthWay): void {
    if (way !== found) onLearned(found);
    way = found;
  }

  function loginRefused({ status, headers, text }: HttpAnswer): BmcError {
    const json = readJson(text);
    const body = json.ok ? json.value : undefined;
    const refusal = refusalOf({ status, retryAfter: headers['retry-after'], body, now: Date.now() });
    const isFull = refusal.keys.some((key) => /LimitReached|LimitExceeded/.test(key));
    const code = isFull ? 'sessions' : refusal.code === 'privilege' ? 'credential' : refusal.code;
    return new BmcError(code, `the login was refused: ${refusal.text}`, after(refusal));
  }

  async function loggedIn(signal: AbortSignal): Promise<Login> {
    if (isClosed) throw new Error('the driver of this BMC is closed');
    if (refused) throw refused;
    if (!credential) return { headers: {} };
    login ??= logIn(credential).catch((error: unknown) => {
      login = undefined;
      if (error instanceof BmcError && error.code === 'credential') refused = error;
      throw error;
    });
    return await unlessAborted(login, signal);
  }

  return {
    async send(request, signal) {
      const used = await loggedIn(signal);
      const answer = await http.send(authorized(request, used), signal);
      if (answer.status !== 401 || !credential) return answer;
      if (way === 'basic') {
        refused = new BmcError('credential', `${request.method} ${request.path}: ${http.origin} refused the password`);
        throw refused;
      }
      // The session idled away, or the BMC began again. 401 means that nothing was done.
      if ((await login) === used) login = undefined;
      return await http.send(authorized(request, await loggedIn(signal)), signal);
    },
    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      isClosed = true;
      const timer = setTimeout(() => closing.abort(), limits.logoutMs);
      try {
        const { headers, logoutPath } = (await login) ?? {};
        if (headers && logoutPath !== undefined) {
          const request = { method: 'DELETE', path: logoutPath, headers } as const;
          await following(http.origin, (one) => http.send(one, closing.signal), request);
        }
      } catch {
        // It has an idle time, too; there is nobody left who could wait for it.
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

const authorized = (request: HttpRequest, { headers }: Login): HttpRequest => ({
  ...request,
  headers: { ...request.headers, ...headers },
});

export const after = ({ retryAfterMs }: { readonly retryAfterMs?: number }): { readonly retryAfterMs?: number } =>
  retryAfterMs === undefined ? {} : { retryAfterMs };

/**
 * The path of a Location header. Services that write a whole URL write the name they know themselves by, which may be
 * another than ours; only its path is used, at the address that is known.
 */
export function locationPath(location: string | undefined): string | undefined {
  const url = location === undefined || location === '' ? null : URL.parse(location, 'https://bmc.invalid/');
  return url ? `${url.pathname}${url.search}` : undefined;
}

/** Where Location is missing, the body says where the session is. */
function sessionIn(text: string, sessions: string): string | undefined {
  const json = readJson(text);
  if (!json.ok || typeof json.value !== 'object' || json.value === null) return undefined;
  const body: object = json.value;
  if ('@odata.id' in body && typeof body['@odata.id'] === 'string') return locationPath(body['@odata.id']);
  if (!('Id' in body) || typeof body.Id !== 'string') return undefined;
  return `${sessions.replace(/\/$/, '')}/${encodeURIComponent(body.Id)}`;
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => {
    const reason: unknown = signal.reason;
    const isTimeout = reason instanceof DOMException && reason.name === 'TimeoutError';
    reject(isTimeout ? new BmcError('timeout', 'no login within the time given', { cause: reason }) : reason);
  };
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
    // Whoever comes next asks for it again; a failure that nobody waits for any more is no failure of the process.
    work.catch(() => {});
    promise.catch(() => {});
  }
}
