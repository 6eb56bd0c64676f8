import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fuzzDecoders, fuzzDisks } from './wire.fuzz.ts';

it('no table, frame, header or page makes a decoder fail', () => {
  const told = fuzzDecoders({ count: 1000, seed: 1 });
  assert.ok(told > 500, `only ${told} told something`);
});

it('no disk makes the reader of signatures fail or go on for ever', async () => {
  const shown = await fuzzDisks({ count: 200, seed: 2 });
  assert.ok(shown > 60, `only ${shown} showed something`);
});
