import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzTftp } from './fuzz.ts';

test('three million mutated packets break nothing and leave no memory behind', () => {
  const rss = () => process.memoryUsage.rss() / 2 ** 20;
  fuzzTftp({ count: 500_000, seed: 1 });
  const settled = rss();
  for (let seed = 2; seed < 7; seed++) fuzzTftp({ count: 500_000, seed });
  assert.ok(rss() < settled + 100, `grew from ${settled.toFixed()} to ${rss().toFixed()} MiB`);
});
