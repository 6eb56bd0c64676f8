import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import type { Logger } from 'pino';
import type { KeyedCertificate } from '#services/pki/authority.ts';

/** Certificates are renewed by programs that tell nobody. */
const LOOK_MS = 10_000;

/** What a certificate is known by. */
export type Known = {
  /** SHA-256 over the certificate, hex. */
  readonly fingerprint: string;
  /** SHA-256 over its public key (SPKI), base64: over all renewals with the same key. */
  readonly pin: string;
  readonly validTo: number;
};

/** TLS of the operator plane: its certificate now, and whoever wants the next one. */
export type OperatorTls = {
  current(): KeyedCertificate;
  known(): Known;
  /** Does it ask browsers and programs for a certificate of their own? */
  readonly asksClients: boolean;
  /** Takes the certificate that lies in its files now. One that is broken is refused, and the one before stays. */
  reload(): Promise<'changed' | 'unchanged' | { readonly refused: string }>;
  /** Called with each new certificate. Ends with the returned function. */
  onChange(listener: (now: KeyedCertificate) => void): () => void;
  /** Looks every so often whether the files have changed, until the signal aborts. */
  watch(signal: AbortSignal): Promise<void>;
};

export const knownOf = (pem: string): Known => {
  const { raw, publicKey, validTo } = new X509Certificate(pem);
  return {
    fingerprint: createHash('sha256').update(raw).digest('hex'),
    pin: createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64'),
    validTo: Date.parse(validTo),
  };
};

/** Rejects where the certificate cannot be used as it is. */
export async function openOperatorTls(parts: {
  /** Absent: the daemon's own. */
  readonly files: { readonly certificate: string; readonly key: string } | undefined;
  /** Makes the daemon's own, or gives the one that is kept. */
  readonly own: () => Promise<KeyedCertificate>;
  readonly asksClients: boolean;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly lookMs?: number;
}): Promise<OperatorTls> {
  const { files, own, log, lookMs = LOOK_MS } = parts;
  const listeners = new Set<(now: KeyedCertificate) => void>();
  const read = async (): Promise<KeyedCertificate> => {
    if (!files) return await own();
    const [certificate, key] = await Promise.all([readFile(files.certificate, 'utf8'), readFile(files.key, 'utf8')]);
    // Throws where one does not fit the other.
    createSecureContext({ cert: certificate, key });
    return { certificate, key };
  };
  let current = await read().catch((cause: unknown) => {
    const where = files ? `${files.certificate} with ${files.key}` : 'the certificate of its own';
    throw new Error(`api.tls: ${where} cannot be used`, { cause });
  });
  let said = '';

  async function reload(): Promise<'changed' | 'unchanged' | { readonly refused: string }> {
    let next: KeyedCertificate;
    try {
      next = await read();
    } catch (error) {
      const refused = error instanceof Error ? error.message : String(error);
      // While one of two files has been replaced they do not fit: said once, and looked at again.
      if (refused !== said)
        log.warn({ refused }, 'the new certificate of the API cannot be used; the one before stays');
      said = refused;
      return { refused };
    }
    said = '';
    if (next.certificate === current.certificate && next.key === current.key) return 'unchanged';
    current = next;
    for (const listener of listeners) listener(current);
    log.info(knownOf(current.certificate), 'the API has a new certificate');
    return 'changed';
  }

  return {
    current: () => current,
    known: () => knownOf(current.certificate),
    asksClients: parts.asksClients,
    reload,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async watch(signal) {
      while (!signal.aborted) {
        await sleep(lookMs, undefined, { signal }).catch(() => {});
        if (!signal.aborted) await reload();
      }
    },
  };
}

/** As people compare it, and as `openssl x509 -fingerprint -sha256` prints it. */
export const shownFingerprint = (hex: string): string => (hex.match(/../g) ?? []).join(':').toUpperCase();
