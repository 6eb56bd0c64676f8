export type StoreErrorCode = 'corrupt' | 'full' | 'locked' | 'newer-schema' | 'closed' | 'broken';

/** The store itself is broken or in use; never a foreseen outcome. Retries read `code`. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
