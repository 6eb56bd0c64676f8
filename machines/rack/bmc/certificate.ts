import 'reflect-metadata';
import { X509CertificateGenerator } from '@peculiar/x509';
import { KeyObject, webcrypto } from 'node:crypto';

/** PEM, both. */
export type BmcCertificate = { readonly key: string; readonly cert: string };

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

/** A self-signed certificate as BMCs come with from the factory: for no name that anybody calls them by. */
export async function makeBmcCertificate(name = 'bmc.simulated'): Promise<BmcCertificate> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: `CN=${name}, O=Ingot (simulated)`,
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + 3650 * DAY_MS),
      signingAlgorithm: ALGORITHM,
      keys,
    },
    webcrypto,
  );
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  return { key: key.toString(), cert: certificate.toString('pem') };
}
