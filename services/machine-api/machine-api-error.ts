import { status, type ServiceError } from '@grpc/grpc-js';

export type MachineApiCode =
  | 'unreachable'
  /** It is there, and its certificate is not the one that was pinned, or not from the CA, or not for that address. */
  | 'untrusted'
  /** It did not answer within the deadline; what was asked may have happened. */
  | 'timeout'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'exists'
  | 'not-implemented'
  | 'invalid'
  /** Not in this state of the machine. */
  | 'precondition'
  | 'exhausted'
  /** The other side ended the call. */
  | 'cancelled'
  | 'failed';

/** What a machine, or the way to it, answered instead. The text is the machine's, so hostile: escape it when shown. */
export class MachineApiError extends Error {
  readonly code: MachineApiCode;

  constructor(code: MachineApiCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MachineApiError';
    this.code = code;
  }
}

const CODES: Readonly<Record<number, MachineApiCode>> = {
  [status.CANCELLED]: 'cancelled',
  [status.INVALID_ARGUMENT]: 'invalid',
  [status.DEADLINE_EXCEEDED]: 'timeout',
  [status.NOT_FOUND]: 'not-found',
  [status.ALREADY_EXISTS]: 'exists',
  [status.PERMISSION_DENIED]: 'forbidden',
  [status.RESOURCE_EXHAUSTED]: 'exhausted',
  [status.FAILED_PRECONDITION]: 'precondition',
  [status.OUT_OF_RANGE]: 'invalid',
  [status.UNIMPLEMENTED]: 'not-implemented',
  [status.UNAVAILABLE]: 'unreachable',
  [status.UNAUTHENTICATED]: 'unauthenticated',
};

/** Node's codes and OpenSSL's words for a certificate that failed; gRPC leaves nothing but the text of them. */
const UNTRUSTED = /certificate|self-signed|UNABLE_TO_|DEPTH_ZERO|ERR_TLS_CERT/i;

export function machineApiError(doing: string, cause: unknown): MachineApiError {
  if (cause instanceof MachineApiError) return cause;
  const { code, details } = cause as Partial<ServiceError>;
  const known = CODES[code ?? status.UNKNOWN] ?? 'failed';
  const text = `${doing}: ${details ?? (cause instanceof Error ? cause.message : String(cause))}`;
  return new MachineApiError(known === 'unreachable' && UNTRUSTED.test(text) ? 'untrusted' : known, text, { cause });
}
