import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { encodeFat16, type VolumeParts } from '#machines/agent/disks/wire/fat16.ts';
import { recognise } from '#machines/agent/inventory/wire/signatures.ts';

const MIB = 1 << 20;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const PARTS: VolumeParts = {
  bytes: 16 * MIB,
  sectorBytes: 512,
  label: 'cidata',
  serial: 0x1234_5678,
  files: [
    { path: 'user-data', content: bytes('#cloud-config\n') },
    { path: 'openstack/latest/meta_data.json', content: bytes('{}') },
  ],
};
const sha256 = (of: Uint8Array): string => createHash('sha256').update(of).digest('hex');

// That others read it is seen in test/interop/agent-disks.
describe('a FAT16 volume', () => {
  it('is the same bytes each time, and is known for what it is', () => {
    const volume = encodeFat16(PARTS);
    assert.equal(sha256(volume), sha256(encodeFat16(PARTS)));
    assert.deepEqual(recognise(16 * MIB, [{ offset: 0, bytes: volume }]), ['vfat']);
    assert.ok(Buffer.from(volume).includes('CIDATA     '));
  });

  for (const [what, change, because] of [
    ['more than fits', { files: [{ path: 'a', content: new Uint8Array(17 * MIB) }] }, /do not fit/],
    ['a path that climbs', { files: [{ path: '../a', content: bytes('') }] }, /no path on a FAT volume/],
    ['an absolute path', { files: [{ path: '/a', content: bytes('') }] }, /no path on a FAT volume/],
    [
      'a file twice, but for its case',
      { files: ['a', 'A'].map((path) => ({ path, content: bytes('') })) },
      /is there twice/,
    ],
    ['a file that is a folder', { files: ['a', 'a/b'].map((path) => ({ path, content: bytes('') })) }, /and a folder/],
    ['a long label', { label: 'twelve-chars' }, /no label/],
    ['no room for a FAT16', { bytes: 1 * MIB }, /no FAT16 has 1048576 bytes/],
  ] as const) {
    it(`with ${what} is refused`, () => assert.throws(() => encodeFat16({ ...PARTS, ...change }), because));
  }
});
