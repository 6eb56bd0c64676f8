import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeNewc, encodeNewc, type NewcEntry } from '#services/images/wire/newc.ts';
import { need } from '#test/lab/need.ts';

const text = (value: string) => new TextEncoder().encode(value);

const ENTRIES: readonly NewcEntry[] = [
  { path: 'etc', kind: 'folder', mode: 0o755, uid: 0, gid: 0 },
  { path: 'etc/ingot', kind: 'folder', mode: 0o700, uid: 0, gid: 0 },
  { path: 'etc/ingot/boot-token', kind: 'file', content: text('secret\n'), mode: 0o400, uid: 0, gid: 0 },
  { path: 'init', kind: 'link', target: 'bin/busybox', mode: 0o777, uid: 0, gid: 0 },
];
const CONSOLE: NewcEntry = { path: 'dev/console', kind: 'device', major: 5, minor: 1, mode: 0o600, uid: 0, gid: 0 };

test('an entry is written field by field as the kernel reads it', () => {
  const bytes = encodeNewc([{ path: 'a', kind: 'file', content: text('hello'), mode: 0o640, uid: 1, gid: 2 }]);
  const fields = '00000001 000081a0 00000001 00000002 00000001 00000000 00000005 00000000 00000000 00000000 00000000';
  const expected = `070701${fields.replaceAll(' ', '')}0000000200000000a\0hello\0\0\0`;
  assert.equal(new TextDecoder().decode(bytes.subarray(0, expected.length)), expected);
  assert.match(new TextDecoder().decode(bytes.subarray(expected.length)), /^070701.*TRAILER!!!\0+$/s);
});

test('the order in which entries are given makes no difference', () => {
  assert.deepEqual(encodeNewc(ENTRIES.toReversed()), encodeNewc(ENTRIES));
});

test('what was written is read back', () => {
  const entries = [CONSOLE, ...ENTRIES];
  assert.deepEqual(decodeNewc(encodeNewc(entries)), { kind: 'archive', entries });
});

test('archives follow each other: a length is always a multiple of 4', () => {
  for (let size = 0; size < 9; size++) {
    const bytes = encodeNewc([{ path: 'x'.repeat(size + 1), kind: 'file', content: new Uint8Array(size * 3) }]);
    assert.equal(bytes.length % 4, 0);
  }
});

for (const path of ['', '/etc', 'etc/', 'a//b', './a', 'a/../b', 'a\0b', 'TRAILER!!!', 'x'.repeat(4096)]) {
  test(`the path ${JSON.stringify(path.slice(0, 20))} is refused`, () => {
    assert.throws(() => encodeNewc([{ path, kind: 'folder' }]), RangeError);
  });
}

for (const [what, entry] of [
  ['a mode', { path: 'a', kind: 'folder', mode: 0o10000 }],
  ['an owner', { path: 'a', kind: 'folder', uid: 2 ** 32 }],
  ['a device number', { path: 'a', kind: 'device', major: -1, minor: 0 }],
] as const satisfies readonly (readonly [string, NewcEntry])[]) {
  test(`${what} out of bounds is refused`, () => assert.throws(() => encodeNewc([entry]), RangeError));
}

test('a path that is there twice is refused', () => {
  assert.throws(() => encodeNewc([...ENTRIES, { path: 'etc', kind: 'folder' }]), /etc is there twice/);
});

test('an archive that ends early is never taken for a whole one', () => {
  const whole = encodeNewc([CONSOLE, ...ENTRIES]);
  // The last bytes only fill up the trailer's name.
  for (let length = 0; length < whole.length - 3; length++) {
    assert.equal(decodeNewc(whole.subarray(0, length)).kind, 'malformed', `of ${length} bytes`);
  }
});

for (const [what, at, value, because] of [
  ['another magic', 5, '2', /does not begin with 070701/],
  ['a field that is no number', 14, 'x', /a field that is no number/],
  ['a block device', 18, '6', /is of type 060000/],
  ['a name without its end', 113, 'x', /does not end with NUL/],
  ['a name of no bytes', 101, '0', /has a name of 0 bytes/],
  ['a name longer than any path', 98, '1', /has a name of 4100 bytes/],
  ['more content than there is', 54, '7', /is cut off/],
] as const) {
  test(`${what} is malformed, and the reason says so`, () => {
    const bytes = encodeNewc([{ path: 'abc', kind: 'folder' }]);
    bytes.set(text(value), at);
    const read = decodeNewc(bytes);
    assert.match(read.kind === 'malformed' ? read.because : '', because);
  });
}

test('bytes that are no archive are malformed, never an exception', () => {
  const whole = encodeNewc([CONSOLE, ...ENTRIES]);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      (changes) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at] = value;
        assert.ok(['archive', 'malformed'].includes(decodeNewc(bytes).kind));
      },
    ),
    { numRuns: 500 },
  );
});

test('the cpio program unpacks what was written', (t) => {
  const tools = need(t, ['cpio']);
  if (!tools) return;
  const folder = mkdtempSync(join(tmpdir(), 'ingot-newc-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { status, stderr } = spawnSync(tools.cpio, ['-idm', '--no-preserve-owner'], {
    cwd: folder,
    input: encodeNewc(ENTRIES),
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  assert.equal(readFileSync(join(folder, 'etc/ingot/boot-token'), 'utf8'), 'secret\n');
  assert.equal(statSync(join(folder, 'etc/ingot/boot-token')).mode & 0o777, 0o400);
});
