export const VAULT_ERROR_CODES = [
  'key-open', // others than its owner can read the key file
  'key-malformed', // no key of ours, or it cannot be read
  'key-lost', // there are sealed secrets, and no key
  'other-key', // sealed under another key than the one that is here
  'damaged', // sealed under this key, for this name, and changed since; or moved from another name
] as const;
export type VaultErrorCode = (typeof VAULT_ERROR_CODES)[number];

/** The message says what to do; it never holds any part of a key or a secret. */
export class VaultError extends Error {
  readonly code: VaultErrorCode;
  constructor(code: VaultErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'VaultError';
    this.code = code;
  }
}
