import { type FieldError, makeProblem, pointerOfText, type Problem } from '#machines/contract/api/problem.ts';
import type { BodyOf, ParamsOf, QueryOf, SentOf } from '#machines/contract/api/route.ts';
import type { RouteName, Routes } from '#machines/contract/api/routes.ts';
import type { Outcome } from '#services/registry/contract.ts';
import type { AccessKey } from '#services/store/contract.ts';

/** A request that has been let in and read: everything in it is valid. */
export type ApiRequest<N extends RouteName> = {
  readonly params: ParamsOf<Routes[N]>;
  readonly query: QueryOf<Routes[N]>;
  readonly body: BodyOf<Routes[N]>;
  readonly caller: AccessKey;
  /** The `rev` of If-Match; 0 of `If-None-Match: *`. */
  readonly expected: number | undefined;
  /** `If-Match: *`: whatever is there now may be replaced. */
  readonly overwrites: boolean;
  /** Where the caller is, as far as a proxy that is named tells it. */
  readonly address: string;
  /** The base URL by which the caller reached us. */
  readonly reachedUrl: string;
};

/** What the audit log keeps of a change; without it, what the path names. */
export type AuditNote = { readonly target: string; readonly detail: string } | 'nothing-changed';

export type ApiAnswer<N extends RouteName> =
  | {
      readonly kind: 'done';
      readonly value: SentOf<Routes[N]>;
      readonly rev?: number;
      readonly audit?: AuditNote;
      readonly status?: 201;
    }
  /** JSON that is written already: lists of thousands of machines are put together from remembered pieces. */
  | { readonly kind: 'json-text'; readonly text: Uint8Array }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly contentType?: string; readonly fileName?: string }
  | ProblemAnswer;

export type ProblemAnswer = { readonly kind: 'problem'; readonly problem: Problem };

export type Handler<N extends RouteName> = (request: ApiRequest<N>) => Promise<ApiAnswer<N>> | ApiAnswer<N>;

/** Routes for whoever has not logged in: they answer by themselves, and write their own audit entries. */
export type OpenRouteName = {
  [N in RouteName]: Routes[N]['role'] extends 'anyone' ? N : never;
}[RouteName];

/** One handler for each route that answers at once; the others are streams, and `getPage` is for people. */
export type Handlers = {
  readonly [N in Exclude<
    RouteName,
    | 'watch'
    | 'getPage'
    | 'getPageFile'
    | 'endSession'
    | 'logout'
    | OpenRouteName
    | 'openConsole'
    | 'readSystemLog'
    | 'getImageFile'
    | 'getAgentImageFile'
    | 'getCertificatePage'
  >]: Handler<N>;
};

export const problemAnswer = (...args: Parameters<typeof makeProblem>): ProblemAnswer => ({
  kind: 'problem',
  problem: makeProblem(...args),
});

export const notFound = (what: string): ProblemAnswer => problemAnswer('not-found', { detail: `there is no ${what}` });

export const invalid = (error: FieldError): ProblemAnswer =>
  problemAnswer('invalid', {
    detail: error.path === '' ? error.text : `${error.path}: ${error.text}`,
    errors: [error.in === 'body' ? { ...error, pointer: pointerOfText(error.path) } : error],
  });

export const WRONG_CURSOR = invalid({ in: 'query', path: 'after', text: 'want `next` of an earlier page' });

/**
 * A PUT replaces all of it, so it must say what it has seen: the `rev`, that there is none yet, or that it does not
 * matter. Nothing where it has said so.
 */
export function unseen(
  rev: number | undefined,
  { expected, overwrites }: { readonly expected: number | undefined; readonly overwrites: boolean },
): ProblemAnswer | undefined {
  if (expected !== undefined) return undefined;
  if (rev === undefined)
    return overwrites ? problemAnswer('stale', { detail: 'there is none to replace', rev: 0 }) : undefined;
  if (overwrites) return undefined;
  return problemAnswer('rev-needed', {
    detail: `it exists, and is at rev ${rev}: this would replace all of it`,
    next: `send If-Match: "${rev}" if that is what you have seen, or If-Match: * to replace it whatever it is`,
    rev,
  });
}

/** What the registry did not do, for the caller. */
export function problemOf(outcome: Exclude<Outcome<unknown>, { kind: 'done' }>): ProblemAnswer {
  switch (outcome.kind) {
    case 'stale':
      return problemAnswer('stale', { detail: `it is at rev ${outcome.rev} now`, rev: outcome.rev });
    case 'exists':
      return problemAnswer('exists', { detail: `${outcome.what} belongs to ${outcome.holder}` });
    case 'not-found':
      return notFound(outcome.what);
    case 'refused':
      return problemAnswer('refused', { detail: outcome.because, next: outcome.next });
    case 'invalid':
      return invalid({ in: 'body', path: outcome.path, text: outcome.because });
    default:
      return outcome satisfies never;
  }
}
