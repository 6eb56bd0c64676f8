import { createHash, X509Certificate } from 'node:crypto';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';

/** What a daemon's certificate must be. With none of them it must be signed by somebody whom this machine trusts. */
export type Trust = {
  /** SHA-256 over its public key (SPKI), base64. */
  readonly pin?: string;
  /** SHA-256 over the certificate, hex: as a browser or `ingot serve` shows it. */
  readonly fingerprint?: string;
  /** PEM. */
  readonly ca?: string;
  /** Of a client: PEM. */
  readonly client?: { readonly certificate: string; readonly key: string };
};

/** It is not who it should be. Nothing was sent to it. */
export class WrongCertificate extends Error {
  readonly shown: Shown;
  constructor(message: string, shown: Shown) {
    super(message);
    this.shown = shown;
  }
}

export type Shown = { readonly fingerprint: string; readonly pin: string };

export const fingerprintOf = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex');

/** 64 digits as people write them: `AB:CD:…`, `sha256:…` or bare. */
export const plainFingerprint = (text: string): string =>
  text
    .replace(/^sha-?256[:=]/i, '')
    .replaceAll(':', '')
    .toLowerCase();

/** fetch, to a daemon whose certificate is pinned: it is looked at before the first byte is sent. */
export function pinnedFetch(trust: Trust): typeof fetch {
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.protocol !== 'https:') return await fetch(input, init);
    const { socket } = await openPinned(url, trust, init.signal ?? undefined);
    return await send(url, init, socket);
  };
}

/** Connects, and says what certificate was shown; rejects with `WrongCertificate` where it is another one than wanted. */
export async function openPinned(
  url: URL,
  { pin, fingerprint, ca, client }: Trust,
  signal?: AbortSignal,
): Promise<{ readonly socket: TLSSocket; readonly shown: Shown }> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isPinned = pin !== undefined || fingerprint !== undefined;
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect({
    host,
    port: Number(url.port || 443),
    // An address has no name to ask for (RFC 6066 §3).
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    // A pin says more than any signature does.
    rejectUnauthorized: !isPinned,
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
    ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
  });
  const abort = (): void => void socket.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted === true) abort();
  socket.once('secureConnect', () => resolve(socket)).once('error', reject);
  await promise;
  const { raw } = socket.getPeerCertificate();
  const spki = new X509Certificate(raw).publicKey.export({ type: 'spki', format: 'der' });
  const shown = { fingerprint: fingerprintOf(raw), pin: createHash('sha256').update(spki).digest('base64') };
  const isWrong =
    (pin !== undefined && pin !== shown.pin) ||
    (fingerprint !== undefined && plainFingerprint(fingerprint) !== shown.fingerprint);
  if (isWrong) {
    socket.destroy();
    throw new WrongCertificate(`${url.host} shows another certificate (SHA-256 ${shown.fingerprint})`, shown);
  }
  return { socket, shown };
}

async function send(url: URL, init: RequestInit, socket: TLSSocket): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const body = init.body === undefined || init.body === null ? undefined : Buffer.from(await bytesOf(init.body));
  const out = request(
    {
      createConnection: () => socket,
      host: url.hostname,
      path: `${url.pathname}${url.search}`,
      method: init.method ?? 'GET',
      headers: {
        ...Object.fromEntries(new Headers(init.headers)),
        host: url.host,
        connection: 'close',
        ...(body === undefined ? {} : { 'content-length': body.length }),
      },
      ...(init.signal ? { signal: init.signal } : {}),
    },
    (answer) => {
      const status = answer.statusCode ?? 500;
      const headers = new Headers();
      for (const [name, value] of Object.entries(answer.headers)) {
        for (const one of [value ?? []].flat()) headers.append(name, one);
      }
      // A status without a body must have none (fetch, §2.2.6).
      const isEmpty = status === 204 || status === 205 || status === 304;
      if (isEmpty) answer.resume();
      const stream = isEmpty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array<ArrayBuffer>>);
      resolve(new Response(stream, { status, headers }));
    },
  );
  out.once('error', reject);
  out.end(body);
  return await promise;
}

const bytesOf = async (body: NonNullable<RequestInit['body']>): Promise<ArrayBuffer> =>
  new Response(body).arrayBuffer();
