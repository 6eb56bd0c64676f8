import 'reflect-metadata';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { createHash, KeyObject, webcrypto } from 'node:crypto';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Made on the machine for one boot; the private half never leaves its memory. */
export type MachineKey = {
  /** PKCS#8, PEM. */
  readonly key: string;
  /** PKCS#10, PEM. Whom the certificate is for, the daemon knows better than the machine. */
  readonly csr: string;
  /** Standard base64 of SHA-256 over the SubjectPublicKeyInfo, for the screen. */
  readonly fingerprint: string;
};

export async function makeMachineKey(): Promise<MachineKey> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create(
    { name: 'CN=ingot-agent', keys, signingAlgorithm: ALGORITHM },
    webcrypto,
  );
  const spki = KeyObject.from(keys.publicKey).export({ type: 'spki', format: 'der' });
  return {
    key: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
    csr: request.toString('pem'),
    fingerprint: createHash('sha256').update(spki).digest('base64'),
  };
}
