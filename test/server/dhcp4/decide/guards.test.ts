import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bootPins } from '#server/dhcp4/decide/boot-pins.ts';
import type { BootFile } from '#server/dhcp4/decide/boot-file.ts';
import { isLater, readMarker, writeMarker } from '#server/dhcp4/decide/ingot-marker.ts';
import { LOOP_LIMITS, loopGuard } from '#server/dhcp4/decide/loop-guard.ts';
import { relayHabits } from '#server/dhcp4/decide/relay-habits.ts';
import { tokenBucket } from '#server/dhcp4/decide/token-bucket.ts';
import { getOption, makeOptions, withRawOption } from '#server/dhcp4/wire/options.ts';
import { ip } from '../world.ts';
import { MAC, NOW, OTHER } from './question.ts';

describe('a machine in a boot loop', () => {
  test('is told nothing any more after so many boots of one kind, until the window has passed', () => {
    const guard = loopGuard();
    for (let boot = 0; boot < LOOP_LIMITS.boots; boot++)
      assert.equal(guard.isLoop(MAC, 'loader', boot, NOW + boot), false);
    assert.equal(guard.isLoop(MAC, 'loader', 99, NOW + 100), true);
    assert.equal(guard.isLoop(MAC, 'script', 99, NOW + 100), false, 'the other kind counts by itself');
    assert.equal(guard.isLoop(OTHER, 'loader', 99, NOW + 100), false, 'and so does another machine');
    assert.equal(guard.isLoop(MAC, 'loader', 99, NOW + LOOP_LIMITS.windowMs + 100), false);
  });

  test('asking again within one boot is no boot', () => {
    const guard = loopGuard();
    for (let times = 0; times < 100; times++) assert.equal(guard.isLoop(MAC, 'loader', 1, NOW + times), false);
  });

  test('as many machines as there may be cost no more memory than the limit', () => {
    const guard = loopGuard({ boots: 1, windowMs: 1000, machines: 2 });
    assert.equal(guard.isLoop(MAC, 'loader', 1, NOW), false);
    assert.equal(guard.isLoop(OTHER, 'loader', 1, NOW), false);
    assert.equal(guard.isLoop(OTHER, 'script', 1, NOW), false);
    assert.equal(guard.isLoop(MAC, 'loader', 2, NOW), false, 'forgotten, so counted anew');
  });
});

test('what was offered holds for the transaction, whatever is decided meanwhile', () => {
  const pins = bootPins();
  const first: BootFile = { kind: 'file', name: 'a', because: '' };
  const second: BootFile = { kind: 'file', name: 'b', because: '' };
  assert.equal(
    pins.pinned('x', NOW, () => first),
    first,
  );
  assert.equal(
    pins.pinned('x', NOW + 59_000, () => second),
    first,
  );
  assert.equal(
    pins.pinned('y', NOW, () => second),
    second,
  );
  assert.equal(
    pins.pinned('x', NOW + 60_000, () => second),
    second,
  );
});

describe('a relay that stops adding option 82', () => {
  const information = (...bytes: readonly number[]) =>
    getOption(withRawOption(makeOptions({}), 82, Uint8Array.from(bytes)), 'relayInformation');
  const relay = ip('10.0.0.1');

  for (const [name, bytes] of [
    ['the port to answer to', [19, 0]],
    ['the link', [5, 4, 10, 0, 0, 0]],
    ['the server identifier', [11, 4, 10, 0, 0, 1]],
  ] as const) {
    test(`cannot be answered if ${name} stood in it`, () => {
      const habits = relayHabits();
      assert.equal(habits.complaint(relay, undefined), undefined, 'a relay that never added it is fine');
      assert.equal(habits.complaint(relay, information(...bytes)), undefined);
      assert.match(habits.complaint(relay, undefined) ?? '', /used to add option 82/);
      assert.equal(habits.complaint(ip('10.0.0.2'), undefined), undefined);
    });
  }

  test('is answered all the same if only a circuit stood in it', () => {
    const habits = relayHabits();
    habits.complaint(relay, information(1, 2, 65, 66));
    assert.equal(habits.complaint(relay, undefined), undefined);
  });
});

test('a bucket gives its burst, then no more than its rate', () => {
  const bucket = tokenBucket({ burst: 2, perSecond: 1 });
  assert.deepEqual(
    [0, 0, 0, 500, 1000, 1000].map((at) => bucket.take(NOW + at)),
    [true, true, false, false, true, false],
  );
});

describe('the marker of an Ingot', () => {
  const one = { id: '0011223344556677', upSeconds: 90 };
  test('survives the wire', () => assert.deepEqual(readMarker(writeMarker(one)), one));
  test('is nothing else', () => {
    for (const bytes of [undefined, new Uint8Array(0), new Uint8Array(18), writeMarker(one).subarray(1)])
      assert.equal(readMarker(bytes), undefined);
  });
  test('tells the later one by how long it has run, and two of the same second apart', () => {
    const other = { id: 'ff11223344556677', upSeconds: 91 };
    assert.deepEqual([isLater(one, other), isLater(other, one)], [true, false]);
    const twin = { ...other, upSeconds: 90 };
    assert.deepEqual([isLater(one, twin), isLater(twin, one)], [false, true]);
  });
});
