/** What HTTP must know of a thing to answer conditions and ranges. `etag` without quotes. */
export type Entity = {
  readonly size: number;
  readonly etag: string;
  /** Milliseconds; absent for what is made anew each time. */
  readonly modifiedAt?: number;
};

/** The request headers that matter, as received. */
export type ConditionHeaders = {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
  readonly 'if-modified-since'?: string | undefined;
  readonly 'if-unmodified-since'?: string | undefined;
  readonly 'if-range'?: string | undefined;
  readonly range?: string | undefined;
};

/** Bytes `start` up to, but not with, `end`. */
export type EntityAnswer =
  | { readonly status: 200 | 206; readonly start: number; readonly end: number }
  | { readonly status: 304 | 412 | 416 };

/**
 * Which part of a thing is sent, in the order of RFC 9110 §13.2.2. EDK2 resumes a broken HTTP Boot download with Range
 * and If-Match, or If-Unmodified-Since if it got no ETag; iPXE and curl with Range alone or If-Range.
 */
export function answerConditions(method: 'GET' | 'HEAD', headers: ConditionHeaders, entity: Entity): EntityAnswer {
  const { etag, modifiedAt, size } = entity;
  if (headers['if-match'] !== undefined) {
    // §13.1.1: strong comparison, so a weak tag never matches.
    if (!namesTag(headers['if-match'], etag, 'strong')) return { status: 412 };
  } else if (headers['if-unmodified-since'] !== undefined && modifiedAt !== undefined) {
    const since = parseDate(headers['if-unmodified-since']);
    if (since !== undefined && seconds(modifiedAt) > seconds(since)) return { status: 412 };
  }
  if (headers['if-none-match'] !== undefined) {
    if (namesTag(headers['if-none-match'], etag, 'weak')) return { status: 304 };
  } else if (headers['if-modified-since'] !== undefined && modifiedAt !== undefined) {
    const since = parseDate(headers['if-modified-since']);
    if (since !== undefined && seconds(modifiedAt) <= seconds(since)) return { status: 304 };
  }
  const whole = { status: 200, start: 0, end: size } as const;
  // §14.2: Range is defined for GET only.
  if (method === 'HEAD' || headers.range === undefined || !mayResume(headers['if-range'], entity)) return whole;
  const range = parseRange(headers.range, size);
  if (range === 'ignored') return whole;
  return range === 'unsatisfiable' ? { status: 416 } : { status: 206, ...range };
}

/** §13.1.5: a date counts only if it is the very one that was sent, and an ETag is compared strongly. */
function mayResume(ifRange: string | undefined, { etag, modifiedAt }: Entity): boolean {
  if (ifRange === undefined) return true;
  const text = ifRange.trim();
  if (text.startsWith('"') || text.startsWith('W/')) return text === `"${etag}"`;
  const date = parseDate(text);
  return date !== undefined && modifiedAt !== undefined && seconds(date) === seconds(modifiedAt);
}

/** Longer lists than any client sends are not looked through. */
const MAX_TAGS = 64;

function namesTag(list: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (list.trim() === '*') return true;
  return list
    .split(',', MAX_TAGS)
    .map((tag) => tag.trim())
    .some((tag) => tag === `"${etag}"` || (comparison === 'weak' && tag === `W/"${etag}"`));
}

type Range = { readonly start: number; readonly end: number };

/**
 * §14.1.2. One range only: of several the whole is sent, which §14.2 allows. Anything that is not understood is ignored,
 * as it must be.
 */
function parseRange(text: string, size: number): Range | 'ignored' | 'unsatisfiable' {
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(text);
  const [, first = '', last = ''] = match ?? [];
  if (!match || (first === '' && last === '')) return 'ignored';
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return 'ignored';
  if (start >= size) return 'unsatisfiable';
  return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) };
}

/** HTTP dates count whole seconds. */
const seconds = (ms: number): number => Math.floor(ms / 1000);

function parseDate(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** Last-Modified: IMF-fixdate, §5.6.7. */
export const formatHttpDate = (ms: number): string => new Date(ms).toUTCString();
