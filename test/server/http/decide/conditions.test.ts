import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { answerConditions, type ConditionHeaders, formatHttpDate } from '#server/http/decide/conditions.ts';

const MODIFIED = Date.UTC(2026, 10, 24, 12, 0, 0) + 345;
const ENTITY = { size: 1000, etag: 'abc', modifiedAt: MODIFIED };
const DATE = formatHttpDate(MODIFIED);
const EARLIER = formatHttpDate(MODIFIED - 60_000);
const LATER = formatHttpDate(MODIFIED + 60_000);

const whole = { status: 200, start: 0, end: 1000 };
const part = (start: number, end: number) => ({ status: 206, start, end });

const TABLE: readonly {
  readonly name: string;
  readonly method?: 'GET' | 'HEAD';
  readonly given: ConditionHeaders;
  readonly want: object;
}[] = [
  { name: 'no conditions: the whole', given: {}, want: whole },
  { name: 'the first bytes', given: { range: 'bytes=0-99' }, want: part(0, 100) },
  { name: 'from an offset to the end', given: { range: 'bytes=900-' }, want: part(900, 1000) },
  { name: 'the last bytes', given: { range: 'bytes=-100' }, want: part(900, 1000) },
  { name: 'more last bytes than there are', given: { range: 'bytes=-5000' }, want: part(0, 1000) },
  { name: 'an end beyond the file is cut', given: { range: 'bytes=990-5000' }, want: part(990, 1000) },
  { name: 'one byte', given: { range: 'bytes=0-0' }, want: part(0, 1) },
  { name: 'a range beyond the end', given: { range: 'bytes=1000-' }, want: { status: 416 } },
  { name: 'no last bytes at all', given: { range: 'bytes=-0' }, want: { status: 416 } },
  { name: 'a range backwards is no range', given: { range: 'bytes=9-1' }, want: whole },
  { name: 'another unit is ignored', given: { range: 'lines=1-2' }, want: whole },
  { name: 'several ranges get the whole', given: { range: 'bytes=0-1,5-6' }, want: whole },
  { name: 'a bare dash is no range', given: { range: 'bytes=-' }, want: whole },
  { name: 'digits without end are no range', given: { range: `bytes=${'9'.repeat(400)}-` }, want: whole },
  { name: 'HEAD has no ranges (RFC 9110 §14.2)', method: 'HEAD', given: { range: 'bytes=0-9' }, want: whole },

  {
    name: 'EDK2 resumes with If-Match',
    given: { range: 'bytes=500-', 'if-match': '"abc"' },
    want: part(500, 1000),
  },
  { name: 'If-Match of another file', given: { range: 'bytes=500-', 'if-match': '"x"' }, want: { status: 412 } },
  { name: 'If-Match compares strongly', given: { 'if-match': 'W/"abc"' }, want: { status: 412 } },
  { name: 'If-Match in a list', given: { 'if-match': '"x", "abc"' }, want: whole },
  { name: 'If-Match: * wants anything', given: { 'if-match': '*' }, want: whole },
  { name: 'a file not changed since', given: { 'if-unmodified-since': DATE }, want: whole },
  { name: 'a file changed since', given: { 'if-unmodified-since': EARLIER }, want: { status: 412 } },
  { name: 'a date that is none is ignored', given: { 'if-unmodified-since': 'yesterday' }, want: whole },
  {
    name: 'If-Match goes before If-Unmodified-Since',
    given: { 'if-match': '"abc"', 'if-unmodified-since': EARLIER },
    want: whole,
  },
  { name: 'If-None-Match of this file', given: { 'if-none-match': '"abc"' }, want: { status: 304 } },
  { name: 'If-None-Match compares weakly', given: { 'if-none-match': 'W/"abc"' }, want: { status: 304 } },
  { name: 'If-None-Match of another file', given: { 'if-none-match': '"x"' }, want: whole },
  { name: 'not modified since', given: { 'if-modified-since': DATE }, want: { status: 304 } },
  { name: 'modified since', given: { 'if-modified-since': EARLIER }, want: whole },
  {
    name: 'If-None-Match goes before If-Modified-Since',
    given: { 'if-none-match': '"x"', 'if-modified-since': LATER },
    want: whole,
  },

  { name: 'If-Range of this file', given: { range: 'bytes=5-9', 'if-range': '"abc"' }, want: part(5, 10) },
  { name: 'If-Range of another file', given: { range: 'bytes=5-9', 'if-range': '"x"' }, want: whole },
  { name: 'If-Range compares strongly', given: { range: 'bytes=5-9', 'if-range': 'W/"abc"' }, want: whole },
  { name: 'If-Range with the very date', given: { range: 'bytes=5-9', 'if-range': DATE }, want: part(5, 10) },
  { name: 'If-Range with a later date', given: { range: 'bytes=5-9', 'if-range': LATER }, want: whole },
  { name: 'If-Range that is nothing', given: { range: 'bytes=5-9', 'if-range': 'x' }, want: whole },
];

describe('conditions and ranges', () => {
  for (const { name, method = 'GET', given, want } of TABLE) {
    it(name, () => assert.deepEqual(answerConditions(method, given, ENTITY), want));
  }

  it('what has no date is never modified', () => {
    const entity = { size: 10, etag: 'abc' };
    assert.equal(answerConditions('GET', { 'if-modified-since': LATER }, entity).status, 200);
    assert.equal(answerConditions('GET', { 'if-unmodified-since': EARLIER }, entity).status, 200);
    assert.equal(answerConditions('GET', { range: 'bytes=0-1', 'if-range': DATE }, entity).status, 200);
  });

  it('whatever is asked, what is sent lies within the file', () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^bytes=\d{0,20}-\d{0,20}$/),
      fc.constantFrom('"abc"', 'W/"abc"', DATE, '*', 'bytes=0-'),
    );
    const headers = fc.record(
      {
        range: text,
        'if-range': text,
        'if-match': text,
        'if-none-match': text,
        'if-modified-since': text,
        'if-unmodified-since': text,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.constantFrom('GET', 'HEAD'), headers, fc.nat(5000), (method, given, size) => {
        const answer = answerConditions(method, given, { size, etag: 'abc', modifiedAt: MODIFIED });
        if (!('start' in answer)) return;
        assert.ok(answer.start >= 0 && answer.end <= size && answer.start <= answer.end, JSON.stringify(answer));
        if (answer.status === 206) assert.ok(answer.start < answer.end, 'a part has bytes');
        else assert.deepEqual(answer, { status: 200, start: 0, end: size });
      }),
      { numRuns: 2000 },
    );
  });
});
