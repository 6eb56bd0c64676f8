import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { problem } from '#machines/contract/api/problem.ts';
import type { Route } from '#machines/contract/api/route.ts';
import { ROUTE_NAMES, ROUTES } from '#machines/contract/api/routes.ts';
import { runningApi } from './running-api.ts';

const RUNS = 1500;
const SECRET = /ingot_[A-Za-z0-9_-]{43}/;
const ROUTES_TRIED = ROUTE_NAMES.filter((name) => name !== 'watch' && name !== 'endSession');

const word = fc.oneof(
  fc.constantFrom(
    'r1-u1',
    'rescue',
    '..',
    '%2e%2e%2f',
    '__proto__',
    'constructor',
    '',
    '\u0000',
    '\u202e',
    '{}',
    '-1',
    '1e9',
  ),
  fc.string({ maxLength: 40, unit: 'grapheme' }),
  fc.constantFrom('Machine', 'Profile', 'Image', '52:54:00:00:00:01', '192.0.2.1', '{{facts.x}}'),
);
/** Names that the schemas know, with values that they may not. */
const key = fc.constantFrom(
  ...[
    'kind',
    'name',
    'labels',
    'macs',
    'profile',
    'assets',
    'documents',
    'dryRun',
    'from',
    'prune',
    'status',
    'location',
  ],
  ...['limit', 'after', 'sort', 'label', 'fact', 'search', 'of', 'role', 'days', 'path', 'match', 'os', 'image', 'url'],
);
const { body } = fc.letrec((tie) => ({
  body: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    word,
    fc.constantFrom(null, true, 0, -1, 1.5, Number.MAX_SAFE_INTEGER),
    fc.array(tie('body'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(key, word), tie('body'), { maxKeys: 6 }),
  ),
}));
const header = fc.string({ maxLength: 30, unit: fc.constantFrom('"', 'W', '/', '*', ',', ' ', '0', '1', '9', 'a') });

describe('the API fed with anything', () => {
  it('answers each request by the book: never 5xx, always JSON that says why, and no secret in it', async () => {
    await using api = await runningApi();
    const asked = fc.record({
      name: fc.constantFrom(...ROUTES_TRIED),
      params: fc.array(word, { minLength: 3, maxLength: 3 }),
      query: fc.array(fc.tuple(fc.oneof(key, word), word), { maxLength: 4 }),
      body: fc.oneof(
        body.map((value) => JSON.stringify(value)),
        fc.string({ maxLength: 60 }),
      ),
      ifMatch: header,
    });
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(asked, async ({ name, params, query, body: text, ifMatch }) => {
        const route: Route = ROUTES[name];
        let next = 0;
        const path = route.path.replace(/\{\w+\}/g, () => encodeURIComponent((params[next++] ?? '').toWellFormed()));
        const answer = await api.request(`${path}?${new URLSearchParams(query).toString()}`, {
          method: route.method,
          headers: {
            'content-type': 'application/json',
            ...(route.method === 'GET' ? {} : { 'if-match': ifMatch.trim() }),
          },
          ...(route.method === 'GET' ? {} : { body: text }),
        });
        const said = await answer.text();
        assert.ok(answer.status < 500, `${route.method} ${path}: ${answer.status} ${said}`);
        if (answer.status >= 400) {
          refused += 1;
          assert.equal(problem.parse(JSON.parse(said)).status, answer.status);
        }
        // The two routes whose answer is a secret, by design.
        if (name !== 'createToken' && name !== 'makeCode') {
          assert.doesNotMatch(said, SECRET, `${name} told a secret`);
        }
      }),
      { numRuns: RUNS },
    );
    assert.ok(refused > RUNS / 4 && refused < RUNS, `${refused} of ${RUNS} were refused: both kinds must be tried`);
    assert.deepEqual(api.errors, []);
  });
});
