import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { ErasureCertificate, SignedCertificate } from '#machines/contract/certificate.ts';
import type { Vault } from '#services/vault/vault.ts';
import { fingerprintOf, signCertificate } from './sign.ts';

const KEY_NAME = 'certificate-key';

export type CertificateSigner = {
  sign(certificate: ErasureCertificate): Promise<SignedCertificate>;
  /** What others compare with: SubjectPublicKeyInfo as PEM, and its SHA-256 in hex. */
  publicKey(): Promise<{ readonly publicKey: string; readonly fingerprint: string }>;
};

/** Signs with the daemon's own key, which is made with the first certificate and sealed. */
export function certificateSigner(vault: Pick<Vault, 'read' | 'write'>): CertificateSigner {
  let key: Promise<KeyObject> | undefined;
  async function ownKey(): Promise<KeyObject> {
    const kept = await vault.read(KEY_NAME);
    if (kept !== undefined) return createPrivateKey(kept);
    const { privateKey } = generateKeyPairSync('ed25519');
    await vault.write(KEY_NAME, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    return privateKey;
  }
  return {
    async publicKey() {
      const own = createPublicKey(await (key ??= ownKey()));
      return { publicKey: own.export({ type: 'spki', format: 'pem' }).toString(), fingerprint: fingerprintOf(own) };
    },
    async sign(certificate) {
      key ??= ownKey();
      return signCertificate(certificate, await key);
    },
  };
}
