import type { StoreErrorCode } from '../store-error.ts';
import type { WriteName } from './writes.ts';

/** What the main thread and the writer say to each other. A batch is one message each way: messages are the cost. */
export type WriteRequest = { readonly id: number; readonly name: WriteName; readonly args: readonly unknown[] };

export type WriterInput =
  | { readonly kind: 'writes'; readonly requests: readonly WriteRequest[] }
  | { readonly kind: 'close' };

export type Failure = { readonly code: StoreErrorCode; readonly message: string };

export type WriteResult =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly failure: Failure };

export type WriterOutput =
  | { readonly kind: 'open' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'results'; readonly results: readonly WriteResult[] }
  | { readonly kind: 'closed' };
