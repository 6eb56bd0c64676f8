import { credentials, type ChannelCredentials } from '@grpc/grpc-js';
import { createHash, type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import tls from 'node:tls';
import { MachineApiError } from './machine-api-error.ts';

/** Standard base64 of SHA-256 over the SubjectPublicKeyInfo: how a machine in maintenance shows it on its screen. */
export const spkiFingerprint = (certificate: X509Certificate): string =>
  createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');

/** The certificate that whoever listens there shows. Nothing is sent to it but the TLS handshake. */
export async function certificateOf(parts: {
  readonly address: string;
  readonly port: number;
  readonly signal: AbortSignal;
}): Promise<X509Certificate> {
  parts.signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<X509Certificate>();
  const socket = tls.connect({
    host: parts.address,
    port: parts.port,
    ...(isIP(parts.address) === 0 ? { servername: parts.address } : {}),
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
  });
  const abort = () => void socket.destroy(parts.signal.reason as Error);
  parts.signal.addEventListener('abort', abort);
  socket.on('secureConnect', () => {
    const certificate = socket.getPeerX509Certificate();
    if (certificate) resolve(certificate);
    else reject(new Error('it shows no certificate'));
  });
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('it closed the connection')));
  try {
    return await promise;
  } catch (cause) {
    parts.signal.throwIfAborted();
    throw new MachineApiError('unreachable', `no TLS at ${parts.address}:${parts.port}`, { cause });
  } finally {
    parts.signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

/**
 * Trusts the one certificate that has the fingerprint. With `rejectUnauthorized: false` Node would ask nobody whether
 * it is the right one, so first the certificate is fetched and compared, and then it alone is the root of trust: it may
 * be self-signed or the leaf of a CA that we don't know.
 */
export async function pinnedCredentials(parts: {
  readonly address: string;
  readonly port: number;
  readonly fingerprint: string;
  readonly signal: AbortSignal;
}): Promise<ChannelCredentials> {
  const certificate = await certificateOf(parts);
  const got = spkiFingerprint(certificate);
  if (got !== parts.fingerprint) {
    throw new MachineApiError(
      'untrusted',
      `${parts.address}:${parts.port} has the fingerprint ${got}, want ${parts.fingerprint}`,
    );
  }
  const context = tls.createSecureContext({ ca: certificate.toString(), allowPartialTrustChain: true });
  return credentials.createFromSecureContext(context, {
    checkServerIdentity: (_name, peer) =>
      peer.raw.equals(certificate.raw) ? undefined : new Error('certificate changed after its fingerprint was checked'),
  });
}
