import { fromBase64 } from './openpgp-armor.ts';

/** jedisct1.github.io/minisign, "Signature format". */
export type MinisignSignature = {
  /** `Ed`: over the file. `ED`: over its BLAKE2b-512. */
  readonly over: 'file' | 'blake2b512';
  readonly keyId: string;
  readonly signature: Uint8Array;
  readonly trustedComment: string;
  /** Over `signature` and the trusted comment. */
  readonly globalSignature: Uint8Array;
};
export type MinisignKey = { readonly keyId: string; readonly ed25519: Uint8Array };

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const letters = (bytes: Uint8Array): string => String.fromCharCode(...bytes.subarray(0, 2));

/** The public key, with or without the comment above it; nothing if it is none. */
export function decodeMinisignKey(text: string): MinisignKey | undefined {
  const bytes = fromBase64(text.trim().split(/\r?\n/).at(-1)?.trim() ?? '');
  if (bytes.length !== 42 || letters(bytes) !== 'Ed') return undefined;
  return { keyId: hex(bytes.subarray(2, 10)), ed25519: bytes.subarray(10) };
}

/** A `.minisig` file; nothing if it is none. */
export function decodeMinisignSignature(text: string): MinisignSignature | undefined {
  const [untrusted = '', first = '', trusted = '', second = ''] = text.split(/\r?\n/);
  if (!untrusted.startsWith('untrusted comment:') || !trusted.startsWith('trusted comment: ')) return undefined;
  const bytes = fromBase64(first.trim());
  const globalSignature = fromBase64(second.trim());
  const kind = letters(bytes);
  if (bytes.length !== 74 || globalSignature.length !== 64 || (kind !== 'Ed' && kind !== 'ED')) return undefined;
  return {
    over: kind === 'ED' ? 'blake2b512' : 'file',
    keyId: hex(bytes.subarray(2, 10)),
    signature: bytes.subarray(10),
    trustedComment: trusted.slice('trusted comment: '.length),
    globalSignature,
  };
}
