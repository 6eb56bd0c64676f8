import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzTftp } from './fuzz.ts';

test('a hundred thousand mutated packets break nothing', () => {
  const counts = fuzzTftp({ count: 100_000, seed: 69 });
  // Every path must have been taken, else the test proves little.
  for (const [what, count] of Object.entries(counts)) assert.ok(count > 100, `${what}: ${count}`);
});
