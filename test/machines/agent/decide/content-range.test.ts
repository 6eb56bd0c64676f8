import assert from 'node:assert/strict';
import { it } from 'node:test';
import { contentStart } from '#machines/agent/decide/content-range.ts';

for (const [name, status, header, want] of [
  ['a whole answer begins at 0', 200, undefined, 0],
  ['a part begins where it says', 206, 'bytes 700000-799999/800000', 700_000],
  ['a part that does not say so begins nowhere', 206, undefined, undefined],
  ['a part in other units too', 206, 'lines 1-2/3', undefined],
  ['nor does a refusal begin', 416, 'bytes */800000', undefined],
] as const) {
  it(name, () => assert.equal(contentStart(status, header), want));
}
