import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type JsonObject, mergeLayers } from '#machines/os/config/layers.ts';

const merge = (...values: readonly JsonObject[]) =>
  mergeLayers(values.map((value, index) => ({ from: ['class', 'profile', 'machine'][index] ?? '', value })));

suite('layers', () => {
  for (const [what, layers, want] of [
    ['the later scalar wins', [{ a: 1 }, { a: 2 }], { a: 2 }],
    ['maps are merged', [{ a: { x: 1, y: 1 } }, { a: { y: 2 } }, { a: { z: 3 } }], { a: { x: 1, y: 2, z: 3 } }],
    ['lists are taken whole', [{ a: [1, 2] }, { a: [3] }], { a: [3] }],
    ['a map takes the place of a scalar', [{ a: 1 }, { a: { x: 1 } }], { a: { x: 1 } }],
    ['a scalar takes the place of a map', [{ a: { x: 1 } }, { a: false }], { a: false }],
    ['null takes a key away', [{ a: { x: 1, y: 2 } }, { a: { x: null } }], { a: { y: 2 } }],
    ['a null that takes nothing away is no value', [{ a: { x: null } }], { a: {} }],
    ['nothing at all', [], {}],
  ] as const) {
    test(what, () => assert.deepEqual(merge(...layers).value, want));
  }

  test('a key of every name is a key', () => {
    const { value } = merge(JSON.parse('{"__proto__": {"polluted": true}}') as JsonObject, { b: 1 });
    assert.equal(Reflect.get({}, 'polluted'), undefined);
    assert.deepEqual(Object.keys(value), ['__proto__', 'b']);
  });
});

test('each value knows who said it', () => {
  const { origins } = merge(
    { users: ['a'], ssh: { port: 22, root: false } },
    { ssh: { root: true } },
    { users: ['b'], 'odd key': { x: 1 } },
  );
  assert.deepEqual(
    origins.map(({ path, from }) => `${path} ${from}`),
    ['users machine', 'ssh.port class', 'ssh.root profile', '"odd key".x machine'],
  );
});
