import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { ErasureCertificate, SignedCertificate } from '#machines/contract/certificate.ts';
import { canonicalJson } from '#machines/values/canonical-json.ts';

/** `key`: an Ed25519 private key. */
export function signCertificate(certificate: ErasureCertificate, key: KeyObject): SignedCertificate {
  return {
    certificate,
    signature: {
      algorithm: 'Ed25519',
      publicKey: createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString(),
      value: sign(null, Buffer.from(canonicalJson(certificate)), key).toString('base64'),
    },
  };
}

export type Verified =
  /** `fingerprint`: SHA-256 of the signer's public key in hex. Whose key that is, the daemon or a person knows. */
  { readonly kind: 'signed'; readonly fingerprint: string } | { readonly kind: 'wrong'; readonly because: string };

/** Was this signed by the key that it names, and not changed since? */
export function verifyCertificate({ certificate, signature }: SignedCertificate): Verified {
  let key: KeyObject;
  try {
    key = createPublicKey(signature.publicKey);
  } catch {
    return { kind: 'wrong', because: 'its public key cannot be read' };
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    return { kind: 'wrong', because: `its key is ${key.asymmetricKeyType ?? 'unknown'}, want ed25519` };
  }
  const right = verify(null, Buffer.from(canonicalJson(certificate)), key, Buffer.from(signature.value, 'base64'));
  if (!right) return { kind: 'wrong', because: 'the signature does not fit: it was changed after it was signed' };
  return { kind: 'signed', fingerprint: fingerprintOf(key) };
}

export const fingerprintOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
