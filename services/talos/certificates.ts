import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { createPrivateKey, KeyObject, webcrypto } from 'node:crypto';
import { labelledKey, readableKey } from '#machines/api/key-label.ts';
import type { KeyedPem } from '#machines/os/talos/secrets.ts';

const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;

/** As the stock tools have it: 87600 hours. */
export const CA_LIFETIME_MS = 87_600 * HOUR_MS;
/** Clocks of machines that have just been powered on are wrong by hours, seldom by more than a day. */
const BACKDATED_MS = DAY_MS;

const ED25519 = { name: 'Ed25519' } as const;
const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
export type CaKind = 'ed25519' | 'p-256';
const ALGORITHMS = { ed25519: ED25519, 'p-256': P256 } as const satisfies Record<CaKind, object>;

/** A self-signed CA that signs servers and clients, for {@link CA_LIFETIME_MS}. An organization of none is no subject. */
export async function newCa(given: {
  readonly kind: CaKind;
  readonly organization?: string;
  readonly now: number;
}): Promise<KeyedPem> {
  const algorithm = ALGORITHMS[given.kind];
  const keys = await newPair(given.kind);
  const made = await X509CertificateGenerator.createSelfSigned(
    {
      name: new Name(given.organization === undefined ? [] : [{ O: [given.organization] }]),
      keys,
      signingAlgorithm: algorithm,
      ...validity(given.now, CA_LIFETIME_MS),
      extensions: [
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        new BasicConstraintsExtension(true, undefined, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { crt: pemOf(made), key: keyPem(given.kind, keys.privateKey) };
}

/**
 * A certificate for a client and nothing else: the machine API refuses one with any further use. Organizations are what
 * it may do: roles of the machine API, groups of Kubernetes.
 */
export async function newClient(given: {
  readonly ca: KeyedPem;
  readonly organizations: readonly string[];
  readonly commonName?: string;
  readonly now: number;
  readonly lifetimeMs: number;
}): Promise<KeyedPem> {
  const { commonName } = given;
  const issuer = new X509Certificate(given.ca.crt);
  const signer = createPrivateKey(readableKey(given.ca.key));
  const kind: CaKind = signer.asymmetricKeyType === 'ed25519' ? 'ed25519' : 'p-256';
  const algorithm = ALGORITHMS[kind];
  const keys = await newPair(kind);
  const made = await X509CertificateGenerator.create(
    {
      subject: new Name([
        ...given.organizations.map((one) => ({ O: [one] })),
        ...(commonName === undefined ? [] : [{ CN: [commonName] }]),
      ]),
      issuer: issuer.subjectName,
      publicKey: keys.publicKey,
      signingKey: signer.toCryptoKey(algorithm, true, ['sign']),
      signingAlgorithm: algorithm,
      ...validity(given.now, given.lifetimeMs),
      extensions: [
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
        await AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { crt: pemOf(made), key: keyPem(kind, keys.privateKey) };
}

const RSA_BITS = 4096;

/** What signs tokens of service accounts: an RSA key; takes some seconds of another thread. */
export async function newServiceAccountKey(bits = RSA_BITS): Promise<string> {
  const { privateKey } = await webcrypto.subtle.generateKey(
    {
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength: bits,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: 'SHA-256',
    },
    true,
    ['sign', 'verify'],
  );
  return KeyObject.from(privateKey).export({ type: 'pkcs1', format: 'pem' }).toString();
}

const newPair = (kind: CaKind): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHMS[kind], true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;

const validity = (now: number, ms: number) => ({
  notBefore: new Date(now - BACKDATED_MS),
  notAfter: new Date(now + ms),
});

/** Ends in a line break, as Go writes it. */
const pemOf = (certificate: X509Certificate): string => `${certificate.toString('pem').trimEnd()}\n`;

/** With the labels that the stock tools write and look for. */
function keyPem(kind: CaKind, key: webcrypto.CryptoKey): string {
  const own = KeyObject.from(key);
  if (kind === 'p-256') return own.export({ type: 'sec1', format: 'pem' }).toString();
  return labelledKey(own.export({ type: 'pkcs8', format: 'pem' }).toString());
}
