import type { z } from 'zod';
import type { Role } from './role.ts';

/** What a route answers when it did what was asked; everything else is a problem. */
export type Answer =
  | { readonly kind: 'json'; readonly schema: z.ZodType; readonly status?: 200 | 201 }
  | { readonly kind: 'empty' }
  | { readonly kind: 'text' | 'bytes'; readonly contentType: string }
  /** Server-sent events, each one JSON object. */
  | { readonly kind: 'events'; readonly schema: z.ZodType };

export type Body =
  | { readonly kind: 'json'; readonly schema: z.ZodType }
  | { readonly kind: 'bytes'; readonly contentType: string; readonly maxBytes: number };

/** One row of the table from which validation, types, the OpenAPI document and the client are made. */
export type Route = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` for parameters. */
  readonly path: `/${string}`;
  readonly summary: string;
  /** The weakest role that may call it; `anyone`: also who has not logged in. */
  readonly role: Role | 'anyone';
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: Body;
  readonly answer: Answer;
  /** Its resource has a `rev`: given as ETag, and taken as If-Match where it is changed. */
  readonly revision?: boolean;
};

type OutputOf<S> = S extends z.ZodType ? z.output<S> : Readonly<Record<string, never>>;
type InputOf<S> = S extends z.ZodType ? z.input<S> : Readonly<Record<string, never>>;

export type ParamsOf<R extends Route> = OutputOf<R['params']>;
export type QueryOf<R extends Route> = OutputOf<R['query']>;
export type BodyOf<R extends Route> = R['body'] extends { readonly kind: 'json'; readonly schema: infer S }
  ? OutputOf<S>
  : R['body'] extends { readonly kind: 'bytes' }
    ? Uint8Array
    : undefined;

/** What a handler hands out: the schema's input, so that documents are in their written form. */
export type SentOf<R extends Route> = R['answer'] extends { readonly kind: 'json'; readonly schema: infer S }
  ? ReadonlyDeep<InputOf<S>>
  : undefined;

/** What a client has read: the schema's output, in domain types. */
export type ReceivedOf<R extends Route> = R['answer'] extends { readonly kind: 'json'; readonly schema: infer S }
  ? OutputOf<S>
  : R['answer'] extends { readonly kind: 'text' }
    ? string
    : R['answer'] extends { readonly kind: 'bytes' }
      ? Uint8Array
      : undefined;

/** What a client gives. */
export type AskedParamsOf<R extends Route> = InputOf<R['params']>;
export type AskedQueryOf<R extends Route> = InputOf<R['query']>;
export type AskedBodyOf<R extends Route> = R['body'] extends { readonly kind: 'json'; readonly schema: infer S }
  ? InputOf<S>
  : R['body'] extends { readonly kind: 'bytes' }
    ? Uint8Array
    : undefined;

type ReadonlyDeep<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer E)[]
    ? readonly ReadonlyDeep<E>[]
    : T extends object
      ? { readonly [K in keyof T]: ReadonlyDeep<T[K]> }
      : T;
