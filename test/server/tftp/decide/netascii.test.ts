import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toNetascii } from '#server/tftp/decide/netascii.ts';

const CASES: readonly (readonly [string, string])[] = [
  ['', ''],
  ['plain', 'plain'],
  ['a\nb\n', 'a\r\nb\r\n'],
  ['a\rb', 'a\r\0b'],
  ['a\r\nb', 'a\r\0\r\nb'],
];
for (const [text, want] of CASES) {
  test(`${JSON.stringify(text)} is ${JSON.stringify(want)} in netascii`, () => {
    assert.equal(Buffer.from(toNetascii(Buffer.from(text))).toString(), want);
  });
}
