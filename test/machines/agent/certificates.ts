import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { KeyObject, webcrypto } from 'node:crypto';

x509.cryptoProvider.set(webcrypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

export type TestCertificate = { readonly certificate: string; readonly key: string };

/** A CA as the daemon has one, which gives certificates to machines and clients. */
export type TestAuthority = {
  readonly ca: string;
  /** A client's, with its roles in the Organization. */
  client(roles: readonly string[]): Promise<TestCertificate>;
  /** A machine's: for servers. */
  machine(addresses: readonly string[]): Promise<TestCertificate>;
  /** A machine's by what it asked for. */
  sign(csr: string, addresses: readonly string[], days?: number): Promise<string>;
};

export async function testAuthority(): Promise<TestAuthority> {
  const keys = await generate();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'O=ingot',
    keys,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const issue = (
    subject: string,
    publicKey: webcrypto.CryptoKey | x509.PublicKey,
    extensions: readonly x509.Extension[],
    days = 1,
  ) =>
    x509.X509CertificateGenerator.create({
      subject,
      issuer: root.subject,
      signingKey: keys.privateKey,
      publicKey: publicKey as webcrypto.CryptoKey,
      signingAlgorithm: ALGORITHM,
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + days * DAY_MS),
      extensions: [...extensions],
    });
  const server = (addresses: readonly string[]) => [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension(addresses.map((value) => ({ type: 'ip', value }))),
  ];
  return {
    ca: root.toString('pem'),
    async client(roles) {
      const own = await generate();
      const subject = ['CN=test', ...roles.map((role) => `O=${role}`)].join(',');
      const certificate = await issue(subject, own.publicKey, [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      ]);
      return { certificate: certificate.toString('pem'), key: pem(own.privateKey) };
    },
    async machine(addresses) {
      const own = await generate();
      const certificate = await issue('CN=m1', own.publicKey, server(addresses));
      return { certificate: certificate.toString('pem'), key: pem(own.privateKey) };
    },
    async sign(csr, addresses, days) {
      const request = new x509.Pkcs10CertificateRequest(csr);
      if (!(await request.verify())) throw new Error('the request is not signed by its own key');
      return (await issue('CN=m1', request.publicKey, server(addresses), days)).toString('pem');
    },
  };
}

const generate = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

const pem = (key: webcrypto.CryptoKey): string =>
  KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
