import axios, { type AxiosResponse } from 'axios';
import { BmcError } from '../contract.ts';
import type { RedfishLimits } from './limits.ts';
import { pinnedAgent, type ShownCertificate } from './pinned-agent.ts';

export type HttpRequest = {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** From the origin's root on, query included. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
};

/** Whatever status: who asked knows what it means. Header names are in lower case. */
export type HttpAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
};

/** HTTP to one BMC, one request at a time. */
export type BmcHttp = Disposable & {
  readonly origin: string;
  /**
   * Rejects with a `BmcError` where no answer came, or with the signal's reason. Nothing is sent twice: a change has a
   * connection of its own, since one that idled may be dead without anybody knowing.
   */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
  certificate(): ShownCertificate | undefined;
  /** Ends the burst: closes connections that are kept for the next request. Reuse after a pause breaks real BMCs. */
  rest(): void;
};

/** `https://` and an optional port; a bare address means https. Throws a `BmcError` of code `refused` otherwise. */
export function bmcUrl(address: string): URL {
  const text = address.includes('://') ? address : `https://${address}`;
  const url = URL.parse(text);
  if (!url || url.protocol !== 'https:' || url.username !== '' || url.search !== '' || url.hash !== '') {
    throw new BmcError('refused', `got ${JSON.stringify(address)}, want an address such as https://10.0.0.12`);
  }
  return url;
}

export function openHttp(options: {
  readonly url: URL;
  readonly pin?: string | undefined;
  readonly onFirst: (certificate: ShownCertificate) => void;
  readonly isLegacy?: boolean;
  readonly limits: RedfishLimits;
}): BmcHttp {
  const { url, limits } = options;
  const pinned = pinnedAgent({ ...options, connectMs: limits.connectMs });

  async function send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    signal.throwIfAborted();
    const own = AbortSignal.timeout(limits.answerMs);
    if (request.method !== 'GET') pinned.rest();
    try {
      return await once(request, signal, own);
    } catch (error) {
      // A read may be repeated, and a kept connection may have died while nobody looked.
      const isLost = error instanceof BmcError && error.code === 'timeout' && !signal.aborted && !own.aborted;
      if (request.method !== 'GET' || !isLost) throw error;
      return await once(request, signal, own);
    }
  }

  async function once(request: HttpRequest, signal: AbortSignal, own: AbortSignal): Promise<HttpAnswer> {
    const { method, path, headers = {}, body } = request;
    try {
      const response: AxiosResponse<unknown> = await axios.request({
        adapter: 'http',
        url: new URL(path, url).href,
        method,
        headers: {
          Accept: 'application/json',
          // Compressed answers have weak ETags.
          'Accept-Encoding': 'identity',
          'OData-Version': '4.0',
          'User-Agent': 'Ingot',
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { data: JSON.stringify(body) }),
        httpsAgent: pinned.agent,
        // BMCs are in the rack: neither a proxy of this host's environment nor a redirect has a say in where it goes.
        proxy: false,
        maxRedirects: 0,
        maxContentLength: limits.bodyBytes,
        responseType: 'text',
        transformRequest: [(data: unknown) => data],
        transformResponse: [(data: unknown) => data],
        validateStatus: () => true,
        signal: AbortSignal.any([signal, own]),
      });
      return { status: response.status, headers: headersOf(response), text: textOf(response.data) };
    } catch (error) {
      const wasConnecting = pinned.isConnecting();
      pinned.rest();
      throw failure(error, { doing: `${method} ${path} at ${url.host}`, wasConnecting, signal, own, limits });
    }
  }

  return {
    origin: url.origin,
    send,
    certificate: () => pinned.shown(),
    rest: () => pinned.rest(),
    [Symbol.dispose]: () => pinned[Symbol.dispose](),
  };
}

const textOf = (data: unknown): string => (typeof data === 'string' ? data : '');

function headersOf({ headers }: AxiosResponse<unknown>): Readonly<Record<string, string>> {
  const entries = Object.entries(headers);
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), String(value)]));
}

/** What axios throws holds the request, and so the password or the token: only its text and code go on. */
function failure(
  error: unknown,
  at: {
    readonly doing: string;
    readonly wasConnecting: boolean;
    readonly signal: AbortSignal;
    readonly own: AbortSignal;
    readonly limits: RedfishLimits;
  },
): unknown {
  const { doing, wasConnecting, signal, own, limits } = at;
  const silence = wasConnecting ? 'unreachable' : 'timeout';
  if (signal.aborted) {
    const reason: unknown = signal.reason;
    const isTimeout = reason instanceof DOMException && reason.name === 'TimeoutError';
    return isTimeout ? new BmcError(silence, `${doing}: no answer within the time given`, { cause: reason }) : reason;
  }
  if (own.aborted) return new BmcError(silence, `${doing}: no answer within ${limits.answerMs / 1000} s`);
  const known = bmcErrorIn(error);
  if (known) return known;
  const { code, text } = plain(error);
  const cause = new Error(code === undefined ? text : `${code}: ${text}`);
  if (/maxContentLength/.test(text)) {
    return new BmcError('malformed', `${doing}: the answer is longer than ${limits.bodyBytes} bytes`, { cause });
  }
  if (code?.startsWith('HPE_')) return new BmcError('malformed', `${doing}: the answer is no HTTP`, { cause });
  return new BmcError('timeout', `${doing}: the connection was lost before the answer was complete`, { cause });
}

function plain(error: unknown): { readonly code?: string; readonly text: string } {
  if (!(error instanceof Error)) return { text: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const inner = error.cause instanceof Error && code === undefined ? plain(error.cause) : undefined;
  return { ...inner, ...(code === undefined ? {} : { code }), text: error.message };
}

function bmcErrorIn(error: unknown): BmcError | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    if (at instanceof BmcError) return at;
  }
  return undefined;
}
