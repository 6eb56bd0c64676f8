import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { repositoryFiles, ROOT } from './source-files.ts';

const FILES = repositoryFiles();
const TEXTS = FILES.filter((file) => !file.startsWith('test/golden/') || !file.endsWith('.bin')).map((file) => ({
  file,
  bytes: readFileSync(join(ROOT, file)),
}));
// Put together here, so that this file does not hold what it looks for.
const MACHINE_PATH = ['', 'work', ''].join('/');
const REGISTRIES = /(?:npmjs|npmmirror|yarnpkg)[.](?:org|com)/;

/** Files whose text has the pattern, with the line. */
function found(pattern: RegExp, files: readonly string[] = FILES): string[] {
  return TEXTS.filter(({ file }) => files.includes(file)).flatMap(({ file, bytes }) =>
    bytes
      .toString('utf8')
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
  );
}

test('the checks look at the whole repository', () => {
  for (const file of ['package.json', 'package-lock.json', 'bin/ingot', 'test/run.ts', 'README.md', '.gitignore']) {
    assert.ok(FILES.includes(file), file);
  }
});

test('no file names a path of one machine', () => {
  assert.deepEqual(found(new RegExp(MACHINE_PATH)), []);
});

test('no file names a package registry, and the lockfile says of no package where it came from', () => {
  assert.deepEqual(found(REGISTRIES), []);
  assert.deepEqual(found(/"resolved"/, ['package-lock.json']), []);
});

test('file and folder names are kebab-case, but for those that tools know by name', () => {
  const known = new Set([
    'README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'LICENSE',
    'SECURITY.md',
    'Containerfile',
    'Dockerfile',
  ]);
  const kebab = /^\.?[a-z0-9]+(?:[-.][a-z0-9]+)*$/;
  const odd = FILES.filter((file) => file.split('/').some((part) => !kebab.test(part) && !known.has(part)));
  assert.deepEqual(odd, []);
});

test('no file is named for being a heap', () => {
  const heaps = FILES.filter((file) => /^(?:index|utils?|helpers?|common|types|misc)\.tsx?$/.test(basename(file)));
  assert.deepEqual(heaps, []);
});

test('no file passes on all that another exports', () => {
  assert.deepEqual(
    found(
      /^export \* from/,
      FILES.filter((file) => /\.tsx?$/.test(file)),
    ),
    [],
  );
});

test('a lint rule is turned off only with its reason beside it', () => {
  const pattern = new RegExp(`(?:ox|es)lint-${['dis', 'able'].join('')}(?!.* -- \\S)`);
  assert.deepEqual(found(pattern), []);
});

test('only captures of packets are binary', () => {
  const binary = TEXTS.filter(({ bytes }) => bytes.includes(0)).map(({ file }) => file);
  assert.deepEqual(binary, []);
});

test('what is started by name is executable', () => {
  for (const file of ['bin/ingot', '.ci/run']) assert.ok((statSync(join(ROOT, file)).mode & 0o111) !== 0, file);
});
