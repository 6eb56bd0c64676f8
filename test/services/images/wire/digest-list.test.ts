import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { digestFor } from '#services/images/wire/digest-list.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const LONG = 'c'.repeat(128);

describe('a list of digests', () => {
  for (const [name, list, want] of [
    ['as sha256sum writes it', `${B}  other\n${A}  disk.raw\n`, { algorithm: 'sha256', hex: A }],
    ['as sha256sum -b writes it, CRLF', `${A} *disk.raw\r\n`, { algorithm: 'sha256', hex: A }],
    ['as --tag and BSD write it', `SHA256 (disk.raw) = ${A}\n`, { algorithm: 'sha256', hex: A }],
    ['with a folder before the name', `${A}  ./x/disk.raw\n`, { algorithm: 'sha256', hex: A }],
    ['with another folder before it', `${A}  ./y/disk.raw\n`, { algorithm: 'sha256', hex: A }],
    [
      'with both, the one whose folder agrees',
      `${B}  ./y/disk.raw\n${A}  ./x/disk.raw\n`,
      { algorithm: 'sha256', hex: A },
    ],
    ['of a tree', `[checksums]\nx/disk.raw = sha256:${A}\n`, { algorithm: 'sha256', hex: A }],
    ['with both, the stronger', `${A}  disk.raw\n${LONG}  disk.raw\n`, { algorithm: 'sha512', hex: LONG }],
    ['in upper case', `${A.toUpperCase()}  disk.raw`, { algorithm: 'sha256', hex: A }],
    ['with remarks', `# SHA256 HASH\n${A}  disk.raw\n`, { algorithm: 'sha256', hex: A }],
    ['that says two things', `${A}  disk.raw\n${B}  disk.raw\n`, undefined],
    ['without the file', `${A}  disk.raw.sig\n`, undefined],
    ['of MD5', `${'a'.repeat(32)}  disk.raw\n`, undefined],
    ['of nothing', '', undefined],
  ] as const) {
    it(name, () => assert.deepEqual(digestFor(list, '/d/x/disk.raw'), want));
  }
});
