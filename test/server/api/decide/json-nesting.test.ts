import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isNestedDeeper } from '#server/api/decide/json-nesting.ts';

it('how deep a JSON text is nested is seen without reading it as values', () => {
  for (const [text, depth] of [
    ['1', 0],
    ['"[[[["', 0],
    ['{"a[": ["\\"[", {}]}', 3],
    ['[[],[],[[]]]', 3],
    ['["\\\\", [1]]', 2],
    ['"unfinished', 0],
    ['"\\', 0],
    ['[[[', 3],
    [']]][', 0],
  ] as const) {
    assert.equal(isNestedDeeper(text, depth), false, text);
    if (depth > 0) assert.equal(isNestedDeeper(text, depth - 1), true, text);
  }
});
