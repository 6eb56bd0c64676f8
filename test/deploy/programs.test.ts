import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ProcessorFacts, PROCESSORS } from '../../deploy/agent/contents.ts';
import { openPackageTrees } from '../../deploy/agent/programs.ts';

const ON_LINUX = { skip: process.platform === 'linux' && process.arch === 'x64' ? false : 'reads programs of x86_64' };

/** Unpacked packages: files by package and path; a value with `->` is a link. */
function trees(
  t: TestContext,
  packages: Readonly<Record<string, Readonly<Record<string, string>>>>,
  processor?: ProcessorFacts,
) {
  const root = mkdtempSync(join(tmpdir(), 'ingot-trees-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(join(root, 'outside'), 'of this machine');
  for (const [name, files] of Object.entries(packages)) {
    for (const [path, content] of Object.entries(files)) {
      const full = join(root, name, path);
      mkdirSync(dirname(full), { recursive: true });
      if (content.startsWith('->')) symlinkSync(content.slice(2), full);
      else if (content.startsWith('=')) copyFileSync(content.slice(1), full);
      else writeFileSync(full, content);
    }
  }
  return openPackageTrees(new Map(Object.keys(packages).map((name) => [name, join(root, name)])), processor);
}

const read = (content: Uint8Array) => new TextDecoder().decode(content);

test('a link stays inside of the packages: an absolute one too, and into another package', (t) => {
  const all = trees(t, {
    one: { 'bin/real': 'one', 'bin/relative': '->real', 'sbin/absolute': '->/bin/real', 'bin/other': '->../lib/two' },
    two: { 'lib/two': 'two' },
  });
  assert.equal(read(all.read('one', 'bin/relative')), 'one');
  assert.equal(read(all.read('one', 'sbin/absolute')), 'one');
  assert.equal(read(all.read('one', 'bin/other')), 'two');
});

for (const [what, target] of [
  ['leads out', '->../../outside'],
  ["names a file of this machine's", '->/etc/passwd'],
  ['leads to itself', '->link'],
  ['leads nowhere', '->nothing'],
] as const) {
  test(`a link that ${what} is no file`, (t) => {
    const all = trees(t, { one: { 'bin/link': target } });
    assert.throws(() => all.read('one', 'bin/link'), /Debian's one has no bin\/link/);
  });
}

/** Nothing but a header of 64 bits that names its processor. */
const elfOf = (machine: number): string =>
  `\x7fELF\x02\x01${'\0'.repeat(12)}${String.fromCharCode(machine)}${'\0'.repeat(67)}`;

test('a program for another processor is refused', (t) => {
  const all = trees(t, { one: { 'bin/tool': elfOf(PROCESSORS.x86_64.elfMachine) } }, PROCESSORS.arm64);
  const tool = { name: 'tool', content: all.read('one', 'bin/tool') };
  assert.throws(() => all.librariesOf([tool]), /tool is no program for arm64/);
});

test('libraries are found by the names that programs ask for, under the loader’s own path', ON_LINUX, (t) => {
  const node = `=${process.execPath}`;
  const names = ['libdl.so.2', 'libstdc++.so.6', 'libm.so.6', 'libgcc_s.so.1', 'libpthread.so.0', 'libc.so.6'];
  const lib = 'lib/x86_64-linux-gnu';
  const program = { name: 'node', content: trees(t, { node: { 'bin/node': node } }).read('node', 'bin/node') };
  // Any ELF file without needs of its own will do for a library; the smallest at hand is a header alone.
  const header = elfOf(62);
  const all = trees(t, {
    libc6: {
      ...Object.fromEntries(names.map((name) => [`${lib}/${name}`, header])),
      [`${lib}/ld-linux-x86-64.so.2`]: header,
      'lib64/ld-linux-x86-64.so.2': `->/${lib}/ld-linux-x86-64.so.2`,
    },
  });
  assert.deepEqual(
    all.librariesOf([program]).map((one) => one.path),
    [...names.map((name) => `${lib}/${name}`), 'lib64/ld-linux-x86-64.so.2'].sort(),
  );
});

test('a library that no package brought is named, with who needs it', ON_LINUX, (t) => {
  const all = trees(t, { node: { 'bin/node': `=${process.execPath}` } });
  const program = { name: 'node', content: all.read('node', 'bin/node') };
  assert.throws(() => all.librariesOf([program]), /node needs \S+\.so\S*, which no package brought/);
});
