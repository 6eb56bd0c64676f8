import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expandNames } from '../../cli/ranges.ts';

const GOOD: readonly (readonly [name: string, words: readonly string[], want: readonly string[]])[] = [
  ['a plain name stands for itself', ['r1-u1'], ['r1-u1']],
  ['a range counts both ends', ['r1-u1..3'], ['r1-u1', 'r1-u2', 'r1-u3']],
  ['zeros in front say how wide all are', ['u08..11'], ['u08', 'u09', 'u10', 'u11']],
  ['without zeros the numbers grow', ['u9..11'], ['u9', 'u10', 'u11']],
  ['what comes after is kept', ['r1..2-a'], ['r1-a', 'r2-a']],
  ['two ranges are all their combinations', ['r1..2-u1..2'], ['r1-u1', 'r1-u2', 'r2-u1', 'r2-u2']],
  ['commas and words are lists', ['a,b', 'c'], ['a', 'b', 'c']],
  ['each name comes once', ['u1..2', 'u2'], ['u1', 'u2']],
  ['one number is a range as well', ['u7..7'], ['u7']],
];

const BAD: readonly (readonly [name: string, word: string, want: RegExp])[] = [
  ['the higher number first', 'u3..1', /lower number first/],
  ['a range that is not one', 'u..3', /want numbers around it/],
  ['more than anybody means', 'u1..99999', /at most 10000/],
  ['more than anybody means, by combination', 'r1..200-u1..200', /at most 10000/],
];

describe('names on the command line', () => {
  for (const [name, words, want] of GOOD) it(name, () => assert.deepEqual(expandNames(words), want));
  for (const [name, word, want] of BAD) it(`refuses ${name}`, () => assert.throws(() => expandNames([word]), want));
});
