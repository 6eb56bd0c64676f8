export type AgeErrorCode =
  | 'malformed' // no age file, or one that breaks age's rules
  | 'not-for-us' // neither key nor passphrase opens it
  | 'damaged' // changed after it was written
  | 'truncated'; // its end is missing

/** The message ends a sentence that begins with the file's name. */
export class AgeError extends Error {
  override readonly name = 'AgeError';
  readonly code: AgeErrorCode;
  constructor(code: AgeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
