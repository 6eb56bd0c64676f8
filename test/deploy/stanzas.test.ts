import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DebianPackage, parseStanzas, withLibraries } from '../../deploy/agent/stanzas.ts';

const STANZA = `Package: tool
Version: 1:2.0-3+b1
Pre-Depends: libfirst (>= 1)
Depends: libc6 (>= 2.34), default-mta | mail, libssl3:any
Description: a tool
 Package: not this
Filename: pool/t/tool.deb
Size: 1234
SHA256: ${'a'.repeat(64)}
`;

const of = (name: string, depends: readonly string[] = []): DebianPackage => ({
  name,
  version: '1',
  sha256: name,
  bytes: 1,
  depends,
});

test('a stanza gives version, hash, size and the first alternative of each dependency', () => {
  assert.deepEqual(parseStanzas(STANZA), [
    {
      name: 'tool',
      version: '1:2.0-3+b1',
      sha256: 'a'.repeat(64),
      bytes: 1234,
      depends: ['libfirst', 'libc6', 'default-mta', 'libssl3'],
    },
  ]);
});

test('of two versions the first counts, and a stanza of something that is installed only is no package', () => {
  const older = STANZA.replace('1:2.0-3+b1', '1:1.0-1');
  const installed = 'Package: other\nStatus: install ok installed\nVersion: 1\n';
  const versions = parseStanzas(`${STANZA}\n${older}\n${installed}`).map((one) => one.version);
  assert.deepEqual(versions, ['1:2.0-3+b1']);
});

test('libraries come along, and what they need; nothing else does, and a circle ends', () => {
  const all = [
    of('tool', ['libx1', 'debconf', 'libx-bin']),
    of('libx1', ['liby2', 'libx-data', 'zlib1g']),
    of('liby2', ['libx1', 'init-system']),
    of('zlib1g'),
    of('debconf'),
  ];
  const asked: string[] = [];
  const found = withLibraries(['tool'], (names) => {
    asked.push(...names);
    return names.map((name) => all.find((one) => one.name === name) ?? assert.fail(`nobody needs ${name}`));
  });
  assert.deepEqual(
    found.map((one) => one.name),
    ['libx1', 'liby2', 'tool', 'zlib1g'],
  );
  assert.deepEqual(asked, ['tool', 'libx1', 'liby2', 'zlib1g']);
});
