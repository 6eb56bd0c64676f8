import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  Pkcs10CertificateRequest,
  type PublicKeyType,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  AuthorityKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { createHash, KeyObject, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { Role } from '#machines/api/roles.ts';
import type { Vault } from '#services/vault/vault.ts';
import { ALGORITHM, keptKeyPair, keyPem, newKeyPair } from './key-pair.ts';

const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;

const CA_KEY = 'pki/ca-key';
const CA_CERTIFICATE = 'pki/ca-certificate';
const PLANE_KEY = 'pki/machine-plane-key';

/** Clocks of machines that have just been powered on are wrong by hours, seldom by more than a day. */
const BACKDATED_MS = DAY_MS;
const CA_MS = 20 * 365 * DAY_MS;
const PLANE_MS = 90 * DAY_MS;
const CLIENT_MS = 12 * HOUR_MS;
/** As long as the longest wipe: the certificate of a machine that is still being erased must not end before it. */
export const AGENT_CERTIFICATE_MS = 14 * DAY_MS;

/** PEM. */
export type KeyedCertificate = { readonly certificate: string; readonly key: string };

export type Signed =
  | { readonly kind: 'signed'; readonly certificate: string }
  | { readonly kind: 'refused'; readonly because: string };

/** The daemon's own CA. Private keys are sealed at rest; nothing here logs. */
export type Authority = {
  /** PEM: who trusts it trusts machines and their daemon. */
  readonly ca: string;
  /** Standard base64 of SHA-256 over the SubjectPublicKeyInfo of the machine plane: what `ingot.pin` says, over all renewals. */
  readonly pin: string;
  /** For the TLS listener of the machine plane: always the same key, a certificate that is made anew with each call. */
  planeCertificate(): Promise<KeyedCertificate>;
  /**
   * A certificate for servers, for the key that asked (PKCS#10, PEM). Name and addresses are those that we know, never
   * those of the request.
   */
  signAgentCsr(
    csr: string,
    whose: { readonly machine: string; readonly addresses: readonly string[]; readonly lifetimeMs?: number },
  ): Promise<Signed>;
  /** For the daemon as a client of machine APIs: roles in the Organization, as stock clients have them. */
  clientCertificate(roles: readonly Role[]): Promise<KeyedCertificate>;
};

/** Makes what is missing. Rejects with a `VaultError` where a key does not open. */
export async function openAuthority(parts: {
  readonly vault: Pick<Vault, 'read' | 'write'>;
  readonly now: () => number;
}): Promise<Authority> {
  const { vault, now } = parts;
  const validity = (ms: number) => ({ notBefore: new Date(now() - BACKDATED_MS), notAfter: new Date(now() + ms) });
  const own = await keptKeyPair(vault, CA_KEY);
  const plane = await keptKeyPair(vault, PLANE_KEY);
  const root = new X509Certificate((await vault.read(CA_CERTIFICATE)) ?? (await newRoot()));

  async function newRoot(): Promise<string> {
    const made = await X509CertificateGenerator.createSelfSigned(
      {
        name: [{ O: ['Ingot'] }, { CN: ['Ingot machines'] }],
        keys: own,
        signingAlgorithm: ALGORITHM,
        ...validity(CA_MS),
        extensions: [
          // It signs servers and clients, and no other CA.
          new BasicConstraintsExtension(true, 0, true),
          new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
          await SubjectKeyIdentifierExtension.create(own.publicKey, false, webcrypto),
        ],
      },
      webcrypto,
    );
    const text = made.toString('pem');
    await vault.write(CA_CERTIFICATE, text);
    return text;
  }

  async function issue(
    subject: Name,
    publicKey: PublicKeyType,
    lifetimeMs: number,
    extensions: readonly Extension[],
  ): Promise<string> {
    const made = await X509CertificateGenerator.create(
      {
        subject,
        issuer: root.subjectName,
        publicKey,
        signingKey: own.privateKey,
        signingAlgorithm: ALGORITHM,
        ...validity(lifetimeMs),
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          await AuthorityKeyIdentifierExtension.create(own.publicKey, false, webcrypto),
          ...extensions,
        ],
      },
      webcrypto,
    );
    return made.toString('pem');
  }

  return {
    ca: root.toString('pem'),
    pin: createHash('sha256')
      .update(KeyObject.from(plane.publicKey).export({ type: 'spki', format: 'der' }))
      .digest('base64'),
    async planeCertificate() {
      const subject = nameOf('Ingot machine plane');
      const certificate = await issue(subject, plane.publicKey, PLANE_MS, [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        // Agents go by the pin: the daemon is reached by whatever address a network gives it.
        new SubjectAlternativeNameExtension([{ type: 'dns', value: 'machine-plane.ingot.invalid' }]),
      ]);
      return { certificate, key: keyPem(plane.privateKey) };
    },
    async signAgentCsr(csr, { machine, addresses, lifetimeMs = AGENT_CERTIFICATE_MS }) {
      const request = parseRequest(csr);
      if (!request) return refused('it is no PKCS#10 request in PEM');
      const { algorithm } = request.publicKey;
      if (!isTaken(algorithm)) return refused(`its key is ${algorithm.name}, want ECDSA on P-256 or P-384, or Ed25519`);
      const isOwn = await request.verify(webcrypto).catch(() => false);
      if (!isOwn) return refused('it is not signed by the key that it asks for');
      const names = addresses.map((value) => ({ type: 'ip', value }) as const);
      const wrong = addresses.find((address) => isIP(address) === 0);
      if (names.length === 0 || wrong !== undefined) return refused(`${wrong ?? 'nothing'} is no IP address`);
      const certificate = await issue(nameOf(machine), request.publicKey, lifetimeMs, [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(names),
      ]);
      return { kind: 'signed', certificate };
    },
    async clientCertificate(roles) {
      const pair = await newKeyPair();
      const certificate = await issue(nameOf('ingot', roles), pair.publicKey, CLIENT_MS, [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      ]);
      return { certificate, key: keyPem(pair.privateKey) };
    },
  };
}

const refused = (because: string): Signed => ({ kind: 'refused', because });

/** As values and never as text: a comma in a name would begin another attribute. */
const nameOf = (common: string, organizations: readonly string[] = []): Name =>
  new Name([...organizations.map((one) => ({ O: [one] })), { CN: [common] }]);

function parseRequest(csr: string): Pkcs10CertificateRequest | undefined {
  if (!/^\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----/.test(csr)) return undefined;
  try {
    return new Pkcs10CertificateRequest(csr);
  } catch {
    return undefined;
  }
}

const isTaken = (algorithm: { readonly name: string; readonly namedCurve?: string }): boolean =>
  algorithm.name === 'Ed25519' ||
  (algorithm.name === 'ECDSA' && (algorithm.namedCurve === 'P-256' || algorithm.namedCurve === 'P-384'));
