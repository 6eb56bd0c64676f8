import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isLater, parseTalosVersion } from '#machines/os/talos/version.ts';
import { sure } from '#machines/values/parsed.ts';

it('releases follow each other by their numbers, and each pre-release comes before what it leads to', () => {
  const rising = [
    'v1.9.9',
    'v1.13.2',
    'v1.13.9',
    'v1.13.10',
    'v1.14.0-alpha.2',
    'v1.14.0-rc.1',
    'v1.14.0-rc.10',
    'v1.14.0',
  ];
  const versions = rising.map((text) => sure(parseTalosVersion(text)));
  for (const [at, one] of versions.entries()) {
    for (const [than, other] of versions.entries()) {
      assert.equal(isLater(one, other), at > than, `${rising[at]} and ${rising[than]}`);
    }
  }
});
