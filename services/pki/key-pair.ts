import { createPrivateKey, createPublicKey, KeyObject, webcrypto } from 'node:crypto';
import type { Vault } from '#services/vault/vault.ts';

/** What both BoringSSL (grpc-js) and the Go of stock clients take. */
export const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export const newKeyPair = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

/** PKCS#8, PEM. */
export const keyPem = (key: webcrypto.CryptoKey): string =>
  KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();

/** A key of the daemon's own, made at its first use and sealed from then on. */
export async function keptKeyPair(
  vault: Pick<Vault, 'read' | 'write'>,
  name: string,
): Promise<webcrypto.CryptoKeyPair> {
  const kept = await vault.read(name);
  if (kept !== undefined) {
    const privateKey = createPrivateKey(kept);
    return {
      privateKey: privateKey.toCryptoKey(ALGORITHM, true, ['sign']),
      publicKey: createPublicKey(privateKey).toCryptoKey(ALGORITHM, true, ['verify']),
    };
  }
  const made = await newKeyPair();
  await vault.write(name, keyPem(made.privateKey));
  return made;
}
