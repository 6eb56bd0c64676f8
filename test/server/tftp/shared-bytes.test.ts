import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedBytes } from '#server/tftp/shared-bytes.ts';

const load = (size: number) => async () => new Uint8Array(size);

test('what is used by nobody makes room for what is asked, the oldest first', async () => {
  const shared = sharedBytes({ maxBytes: 100, maxFileBytes: 100 });
  const a = await shared.hold('a', 40, load(40));
  const b = await shared.hold('b', 40, load(40));
  a?.release();
  b?.release();
  (await shared.hold('a', 40, () => Promise.reject(new Error('a is still held'))))?.release();
  const c = await shared.hold('c', 60, load(60));
  assert.ok(c);
  assert.equal(shared.bytesHeld(), 100);
  await assert.rejects(
    shared.hold('b', 40, () => Promise.reject(new Error('b was thrown out'))),
    /thrown out/,
  );
});

test('what is in use stays, and the bound holds', async () => {
  const shared = sharedBytes({ maxBytes: 100, maxFileBytes: 60 });
  const a = await shared.hold('a', 60, load(60));
  assert.equal(await shared.hold('b', 60, load(60)), undefined);
  assert.equal(await shared.hold('too large', 61, load(61)), undefined);
  a?.release();
  a?.release();
  assert.ok(await shared.hold('b', 60, load(60)));
  assert.equal(shared.bytesHeld(), 60);
});

test('many who ask at once cause one load; a failed load is forgotten and fails them all', async () => {
  const shared = sharedBytes({ maxBytes: 100, maxFileBytes: 100 });
  let loads = 0;
  const fail = () => {
    loads++;
    return Promise.reject(new Error('no disk'));
  };
  const results = await Promise.allSettled([shared.hold('a', 10, fail), shared.hold('a', 10, fail)]);
  assert.deepEqual([results.map(({ status }) => status), loads], [['rejected', 'rejected'], 1]);
  assert.equal(shared.bytesHeld(), 0);
  assert.ok(await shared.hold('a', 10, load(10)));
});
