import { z } from 'zod';

/**
 * Why a request was not done, by a word that programs can rely on, and its HTTP status.
 *
 * `refused` is safety or state (the table of allowed actions), `forbidden` the caller's role.
 */
export const PROBLEM_STATUS = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  refused: 409,
  exists: 409,
  stale: 412,
  'too-large': 413,
  'unsupported-type': 415,
  'wrong-host': 421,
  'key-reused': 422,
  'rev-needed': 428,
  'too-many': 429,
  internal: 500,
  unavailable: 503,
} as const satisfies Readonly<Record<string, number>>;

export type ProblemCode = keyof typeof PROBLEM_STATUS;

const CODES = Object.keys(PROBLEM_STATUS) as [ProblemCode, ...ProblemCode[]];

/** RFC 9457 problem details, with what a person needs to go on: which field, and what to do next. */
export const problem = z
  .object({
    /** RFC 9457 §3.1.1; relative to the API. */
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    code: z.enum(CODES),
    /** What to do about it, such as a command. */
    next: z.string().optional(),
    errors: z
      .array(
        z.object({
          in: z.enum(['body', 'query', 'path']),
          /** As people write it: `macs[1]`. */
          path: z.string(),
          /** The same place in the body for programs: a JSON Pointer as a URI fragment (RFC 6901 §6), `#/macs/1`. */
          pointer: z.string().optional(),
          text: z.string(),
        }),
      )
      .optional(),
    /** The `rev` that the resource has now, where the one in If-Match was older. */
    rev: z.int().optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });

export type Problem = z.output<typeof problem>;
export type FieldError = NonNullable<Problem['errors']>[number];

export const PROBLEM_TYPE = 'application/problem+json';

const TITLES: Readonly<Record<ProblemCode, string>> = {
  invalid: 'The request is not valid',
  unauthenticated: 'A token or a session is needed',
  forbidden: 'Your role may not do this',
  'not-found': 'Not found',
  refused: 'Refused',
  exists: 'It exists already',
  stale: 'It has changed in the meantime',
  'too-large': 'The request is too large',
  'unsupported-type': 'This content type is not read here',
  'wrong-host': 'This is not a name of this daemon',
  'key-reused': 'This idempotency key was given with another request',
  'rev-needed': 'Say which version of it you have seen',
  'too-many': 'Too many at once',
  internal: 'The daemon failed',
  unavailable: 'Not available now',
};

export function makeProblem(code: ProblemCode, more: Omit<Partial<Problem>, 'code' | 'type' | 'status'> = {}): Problem {
  return { type: `/problems/${code}`, title: TITLES[code], status: PROBLEM_STATUS[code], code, ...more };
}

/** RFC 6901 §3 and §6: the place of a value as a JSON Pointer in a URI fragment. */
export const pointerOf = (path: readonly PropertyKey[]): string =>
  `#${path.map((part) => `/${encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('')}`;

/** `macs[1].x` as a pointer: for places that are known as text only. */
export const pointerOfText = (path: string): string =>
  pointerOf(path === '' ? [] : path.replaceAll(/\[(\d+)\]/g, '.$1').split('.'));
