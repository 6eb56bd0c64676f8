import { createHash, type X509Certificate } from 'node:crypto';
import { Agent } from 'node:https';
import { isIP } from 'node:net';
import tls from 'node:tls';
import { BmcError } from '../contract.ts';

export type ShownCertificate = { readonly sha256: string; readonly subject: string; readonly validTo: string };

export type PinnedAgent = Disposable & {
  readonly agent: Agent;
  /** What was shown at the last connection. */
  shown(): ShownCertificate | undefined;
  isConnecting(): boolean;
  /** Closes connections that nobody uses, and one that is still being made. */
  rest(): void;
};

/**
 * Connections to one BMC. The certificates of BMCs are self-signed and for no name that anybody calls them by, so the
 * leaf itself is what is known: its SHA-256 is compared after the handshake, and only then does the agent hand the
 * socket to HTTP. No byte of a request reaches a service with another certificate; the connection fails with a
 * `BmcError` of code `certificate`.
 *
 * Without a pin the first certificate is told to `onFirst` and is the pin from then on.
 */
export function pinnedAgent(options: {
  readonly url: URL;
  /** SHA-256 of the leaf in hex; colons and case do not matter. */
  readonly pin?: string | undefined;
  readonly onFirst: (certificate: ShownCertificate) => void;
  readonly connectMs: number;
  /** Firmware of before 2015: TLS 1.0, short keys, no secure renegotiation. Chosen by a person for one BMC. */
  readonly isLegacy?: boolean;
}): PinnedAgent {
  const { url, onFirst, connectMs, isLegacy = false } = options;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || 443);
  let pin = options.pin === undefined ? undefined : plainHex(options.pin);
  let shown: ShownCertificate | undefined;
  const connecting = new Set<tls.TLSSocket>();
  // Resumed sessions show no certificate: none is kept.
  const agent = new Agent({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1, maxCachedSessions: 0 });

  function check(socket: tls.TLSSocket): BmcError | undefined {
    const certificate = socket.getPeerX509Certificate();
    if (!certificate) return new BmcError('certificate', `${url.host} shows no certificate`);
    shown = describe(certificate);
    if (pin !== undefined && shown.sha256 !== pin) {
      return new BmcError('certificate', `${url.host} has the certificate ${shown.sha256}, want ${pin}`);
    }
    if (pin === undefined) {
      pin = shown.sha256;
      onFirst(shown);
    }
    return undefined;
  }

  agent.createConnection = (_options, done) => {
    const socket = tls.connect({
      host,
      port,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ...(isLegacy ? { minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0', secureOptions: LEGACY_RENEGOTIATION } : {}),
    });
    connecting.add(socket);
    const timer = setTimeout(() => fail(lost(`no connection to ${url.host} within ${connectMs / 1000} s`)), connectMs);
    const failed = (cause: Error): void => fail(lost(`no TLS at ${url.host}: ${cause.message}`, cause));
    const closed = (): void => fail(lost(`${url.host} closed the connection before TLS was up`));
    const settle = (): void => {
      clearTimeout(timer);
      connecting.delete(socket);
      socket.off('error', failed).off('close', closed).off('secureConnect', secured);
    };
    const fail = (error: Error): void => {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      // A failed connection has no stream, which the types of Node leave no room for.
      done?.(error, undefined as never);
    };
    const secured = (): void => {
      const refused = check(socket);
      if (refused) {
        fail(refused);
        return;
      }
      settle();
      done?.(null, socket);
    };
    socket.on('error', failed).on('close', closed).on('secureConnect', secured);
    return undefined;
  };

  function rest(): void {
    for (const socket of connecting) socket.destroy();
    agent.destroy();
  }

  return { agent, shown: () => shown, isConnecting: () => connecting.size > 0, rest, [Symbol.dispose]: rest };
}

const LEGACY_RENEGOTIATION = 0x4; // SSL_OP_LEGACY_SERVER_CONNECT

const lost = (text: string, cause?: Error): BmcError =>
  new BmcError('unreachable', text, cause === undefined ? {} : { cause });

const plainHex = (text: string): string => text.replace(/[^\da-f]/gi, '').toLowerCase();

function describe(certificate: X509Certificate): ShownCertificate {
  // As wrong as the clock of the BMC that made it: shown, never judged.
  const validTo = new Date(certificate.validTo);
  return {
    sha256: createHash('sha256').update(certificate.raw).digest('hex'),
    subject: certificate.subject.replaceAll('\n', ', '),
    validTo: Number.isNaN(validTo.getTime()) ? certificate.validTo : validTo.toISOString(),
  };
}
