import { status } from '@grpc/grpc-js';
import type { Sendable } from '../../api/messages/shape.ts';
import type { StreamMethods, StreamPath, UnaryMethods, UnaryPath } from '../../api/methods.ts';

/** About one call of a client. */
export type Caller = {
  /** Aborts when the client has gone or its deadline has passed. */
  readonly signal: AbortSignal;
  /** Address and names of its certificate, for the log. */
  readonly who: string;
};

/** What the agent answers, by path; what is in neither is not implemented. */
export type UnaryHandlers = {
  readonly [Path in UnaryPath]?: (
    request: UnaryMethods[Path]['request'],
    caller: Caller,
  ) => Sendable<UnaryMethods[Path]['response']> | Promise<Sendable<UnaryMethods[Path]['response']>>;
};
export type StreamHandlers = {
  readonly [Path in StreamPath]?: (
    request: StreamMethods[Path]['request'],
    caller: Caller,
  ) => AsyncIterable<Sendable<StreamMethods[Path]['response']>>;
};

/** An answer other than the one asked for: thrown by handlers, told to the client as it stands. */
export class CallRefusal extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.name = 'CallRefusal';
    this.code = code;
  }
}

export const invalid = (because: string): CallRefusal => new CallRefusal(status.INVALID_ARGUMENT, because);
export const notFound = (because: string): CallRefusal => new CallRefusal(status.NOT_FOUND, because);
export const forbidden = (because: string): CallRefusal => new CallRefusal(status.PERMISSION_DENIED, because);

/** The usual answer: one element, also where nothing is to be said; clients look at the first without asking. */
export const envelope = <T extends object>(message: T): { readonly messages: readonly [T] } => ({
  messages: [message],
});
