import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fuzzDhcp4, survives } from './fuzz.ts';
import { datagram } from './datagram.ts';

test('fifty thousand mutated captures neither crash the codec nor come back changed', () => {
  const { inputs, messages, malformed } = fuzzDhcp4({ count: 50_000, seed: 1 });
  assert.equal(inputs, 50_000);
  // Both kinds are really tried, or the mutations have become too wild or too tame.
  assert.ok(messages > inputs / 4, `${messages} messages`);
  assert.ok(malformed > inputs / 50, `${malformed} malformed`);
});

const BROKE_US = new URL('../../../golden/dhcp4/broke-us/', import.meta.url);

for (const file of readdirSync(BROKE_US)) {
  test(`${file}, which once broke the codec, no longer does`, () => {
    assert.equal(survives(new Uint8Array(readFileSync(new URL(file, BROKE_US)))), true);
  });
}

test('the largest datagrams, full of the smallest options, cost no more than a moment of memory', () => {
  const room = 65_507 - 240;
  const repeated = Array.from({ length: Math.floor(room / 3) }, () => [67, 1, 0x61]).flat();
  assert.equal(survives(datagram({ options: repeated })), true);
  const empty = Array.from({ length: Math.floor(room / 2) }, (_, index) => [1 + (index % 254), 0]).flat();
  assert.equal(survives(datagram({ options: empty })), true);
  const overload = [52, 1, 3, ...repeated.slice(0, -3)];
  assert.equal(
    survives(datagram({ options: overload, file: repeated.slice(0, 126), sname: repeated.slice(0, 63) })),
    true,
  );
});
