import assert from 'node:assert/strict';
import { it } from 'node:test';
import { deviceNumber } from '#machines/agent/disks/block-disks.ts';

// Wanted numbers are those of glibc's major() and minor(), asked through Python's os module.
for (const [rdev, want] of [
  [0x800n, '8:0'],
  [0x811n, '8:17'],
  [0x10_3b00n, '59:256'],
  [0x1234_0080_0501n, '4101:591398913'],
] as const) {
  it(`device 0x${rdev.toString(16)} is ${want}`, () => assert.equal(deviceNumber(rdev), want));
}
