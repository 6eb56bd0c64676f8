import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type GarbageFacts, garbageOf, UNFINISHED_MS, YOUNG_MS } from '#services/images/decide/garbage.ts';

const NOW = 1_700_000_000_000;
const digest = (letter: string): string => letter.repeat(64);
const [NAMED, HELD, OTHER] = [digest('a'), digest('b'), digest('c')];

function facts(file: string, more: Partial<GarbageFacts> & { readonly age?: number } = {}): GarbageFacts {
  const { age = UNFINISHED_MS, ...rest } = more;
  return {
    files: [{ file, bytes: 7, modifiedAt: NOW - age }],
    named: new Set([NAMED]),
    notes: new Set(['by-url/wanted']),
    parts: new Set(['parts/wanted']),
    disks: [
      { file: 'disks/1.json', source: `/d/${NAMED}`, made: `${digest('d')}.zst` },
      { file: 'disks/2.json', source: `/d/${OTHER}`, made: `${digest('e')}.zst` },
    ],
    sources: new Set([`/d/${NAMED}`]),
    held: new Set([HELD]),
    now: NOW,
    ...rest,
  };
}

describe('garbage', () => {
  for (const [name, given] of [
    ['a file that an image names', facts(NAMED)],
    ['a file that a job sends', facts(HELD)],
    ['a file that came within the hour', facts(OTHER, { age: YOUNG_MS - 1 })],
    ['a file from the future', facts(OTHER, { age: -1 })],
    ['a file whose purpose is not known', facts('notes.txt')],
    ['a file in a folder that is not known', facts(`elsewhere/${OTHER}`)],
    ['a record of a file that is named', facts(`records/${NAMED}.json`)],
    ['a note of a URL that is named', facts('by-url/wanted')],
    ['a part that is being fetched', facts('parts/wanted')],
    ['an upload that was cut off today', facts('parts/upload-x', { age: UNFINISHED_MS - 1 })],
    ['a disk made of a file that is named', facts(`disks/${digest('d')}.zst`)],
    ['what was found out about it', facts('disks/1.json')],
    ['a disk that a job sends, although no image names it', facts(`disks/${HELD}.zst`)],
  ] as const) {
    it(`is not ${name}`, () => assert.deepEqual(garbageOf(given), []));
  }

  for (const [name, given, because] of [
    ['a file that no image names', facts(OTHER), 'no image names it'],
    ['its record', facts(`records/${OTHER}.json`), 'tells of a file that no image names'],
    ['a note of a URL that none names', facts('by-url/gone'), 'no image names its URL'],
    ['an upload of last week', facts('parts/upload-x'), 'an upload or a download that was not gone on with for a week'],
    ['a disk made of it', facts(`disks/${digest('e')}.zst`), 'was made of a file that no image names'],
    ['a disk of which nothing is known', facts(`disks/${digest('f')}.zst`), 'was made of a file that no image names'],
    ['what was found out about it', facts('disks/2.json'), 'tells of a file that no image names'],
    [
      'what an ended daemon left',
      facts('disks/12-34.part'),
      'was left by a daemon that ended while it prepared an image',
    ],
  ] as const) {
    it(`is ${name}`, () => assert.deepEqual(garbageOf(given), [{ file: given.files[0]?.file, bytes: 7, because }]));
  }
});
