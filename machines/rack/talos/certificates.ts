import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { createHash, createPrivateKey, KeyObject, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import { readableKey } from '#machines/api/key-label.ts';

const HOUR_MS = 3600_000;
const ED25519 = { name: 'Ed25519' } as const;

/** PEM, as Node takes it. */
export type ServerIdentity = { readonly certificate: string; readonly key: string };

/** What a machine in maintenance shows on its screen: standard base64 of SHA-256 over the SubjectPublicKeyInfo. */
export const fingerprintOf = ({ certificate }: ServerIdentity): string =>
  createHash('sha256')
    .update(Buffer.from(new X509Certificate(certificate).publicKey.rawData))
    .digest('base64');

/** A leaf of a CA that nobody will ever see again: another one for each boot, for 24 hours. */
export async function maintenanceIdentity(names: readonly string[], now: number): Promise<ServerIdentity> {
  const keys = await newPair();
  const ca = await X509CertificateGenerator.createSelfSigned(
    {
      name: 'O=talos',
      keys,
      signingAlgorithm: ED25519,
      notBefore: new Date(now - HOUR_MS),
      notAfter: new Date(now + 24 * HOUR_MS),
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign, true),
      ],
    },
    webcrypto,
  );
  const signer = { certificate: ca, key: keys.privateKey };
  return await leaf({ signer, commonName: 'maintenance-service.talos.dev', names, now });
}

/** The machine API's own in running mode: of the machine's CA, for 24 hours. Both PEM. */
export async function apidIdentity(given: {
  readonly ca: { readonly crt: string; readonly key: string };
  readonly commonName: string;
  readonly names: readonly string[];
  readonly now: number;
}): Promise<ServerIdentity> {
  const key = createPrivateKey(readableKey(given.ca.key));
  const signer = { certificate: new X509Certificate(given.ca.crt), key: key.toCryptoKey(ED25519, true, ['sign']) };
  return await leaf({ signer, commonName: given.commonName, names: given.names, now: given.now });
}

async function leaf(given: {
  readonly signer: { readonly certificate: X509Certificate; readonly key: webcrypto.CryptoKey };
  readonly commonName: string;
  readonly names: readonly string[];
  readonly now: number;
}): Promise<ServerIdentity> {
  const { signer, names, now } = given;
  const keys = await newPair();
  const made = await X509CertificateGenerator.create(
    {
      subject: `CN=${given.commonName}`,
      issuer: signer.certificate.subjectName,
      publicKey: keys.publicKey,
      signingKey: signer.key,
      signingAlgorithm: ED25519,
      notBefore: new Date(now - HOUR_MS),
      notAfter: new Date(now + 24 * HOUR_MS),
      extensions: [
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(names.map(nameOf)),
        await AuthorityKeyIdentifierExtension.create(signer.certificate, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return {
    certificate: made.toString('pem'),
    key: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

const nameOf = (value: string): JsonGeneralName => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value });

const newPair = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ED25519, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
