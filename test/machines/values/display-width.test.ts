import assert from 'node:assert/strict';
import { it } from 'node:test';
import { displayWidth, fitted, shortened } from '#machines/values/display-width.ts';

it('counts the cells of a terminal', () => {
  for (const [text, cells] of [
    ['', 0],
    ['abc', 3],
    ['日本', 4],
    ['e\u0301', 1],
    ['…', 1],
  ] as const) {
    assert.equal(displayWidth(text), cells, text);
  }
});

it('fills and cuts to exactly so many', () => {
  assert.equal(fitted('ab', 4), 'ab  ');
  assert.equal(fitted('abcdef', 4), 'abc…');
  assert.equal(fitted('日本語', 4), '日… ', 'half of a wide character does not stand');
  assert.equal(shortened('abc', 3), 'abc');
  assert.equal(shortened('abc', 0), '');
});
