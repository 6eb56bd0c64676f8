import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { Vault } from '#services/vault/vault.ts';
import type { KeyedCertificate } from './authority.ts';
import { ALGORITHM, keptKeyPair, keyPem } from './key-pair.ts';

const KEY = 'pki/operator-key';
const CERTIFICATE = 'pki/operator-certificate';

const DAY_MS = 24 * 3600_000;
const BACKDATED_MS = DAY_MS;
/** What Apple's systems take of a certificate that a person trusts by hand (support.apple.com/103769): 825 days. */
const LIFETIME_MS = 800 * DAY_MS;
/** Made anew so long before its end. Its key stays, and with it every pin. */
const RENEW_MS = 60 * DAY_MS;

/**
 * The daemon's own certificate for its operators, for the names by which it is reached: made at its first use, kept
 * sealed, and the same one until it comes to its end or the names change. Self-signed: what is trusted is its
 * fingerprint, or its key.
 */
export async function operatorCertificate(parts: {
  readonly vault: Pick<Vault, 'read' | 'write'>;
  readonly now: () => number;
  /** Host names and addresses. */
  readonly names: readonly string[];
}): Promise<KeyedCertificate> {
  const { vault, now } = parts;
  const keys = await keptKeyPair(vault, KEY);
  const key = keyPem(keys.privateKey);
  const names = [...new Set(parts.names)].toSorted((one, other) => (one < other ? -1 : 1));
  const kept = await vault.read(CERTIFICATE);
  if (kept !== undefined && isStillGood(new X509Certificate(kept), names, now())) return { certificate: kept, key };
  const made = await X509CertificateGenerator.createSelfSigned(
    {
      // As a value and never as text: a comma in a name would begin another attribute.
      name: new Name([{ O: ['Ingot'] }, { CN: [(names[0] ?? 'ingot').slice(0, 64)] }]).toString(),
      keys,
      signingAlgorithm: ALGORITHM,
      notBefore: new Date(now() - BACKDATED_MS),
      notAfter: new Date(now() + LIFETIME_MS),
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(names.map(asName)),
      ],
    },
    webcrypto,
  );
  const certificate = made.toString('pem');
  await vault.write(CERTIFICATE, certificate);
  return { certificate, key };
}

const asName = (value: string) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const;

function isStillGood(certificate: X509Certificate, names: readonly string[], now: number): boolean {
  const has = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items.map(({ value }) => value) ?? [];
  return certificate.notAfter.getTime() - now > RENEW_MS && names.every((name) => has.includes(name));
}
