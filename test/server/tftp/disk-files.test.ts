import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sure } from '#machines/values/parsed.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import type { TftpFile, TftpFiles, TftpRefusal } from '#server/tftp/contract.ts';
import { diskFiles } from '#server/tftp/disk-files.ts';
import { sampleBytes } from './running-server.ts';

async function rootWith(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-tftp-'));
  t.after(() => rm(dir, { recursive: true }));
  const root = join(dir, 'root');
  await mkdir(join(root, 'boot'), { recursive: true });
  await writeFile(join(dir, 'secret'), 'secret');
  await writeFile(join(root, 'boot', 'a'), 'inside');
  return { dir, root };
}

const local = { address: sure(parseIpv4('127.0.0.1')), port: 69 };
const open = async (files: TftpFiles, name: string) =>
  await files.open({ name, mapped: { kind: 'plain', path: name }, peer: local, local });

async function textOf(file: TftpFile | TftpRefusal): Promise<string> {
  if (file.kind === 'refused') return `refused ${file.code}`;
  const bytes = file.content instanceof Uint8Array ? file.content : await file.content(0, file.size);
  file.close();
  return Buffer.from(bytes).toString();
}

test('files under the root are served, from the root only', async (t) => {
  const { root, dir } = await rootWith(t);
  await symlink('boot/a', join(root, 'inner'));
  await symlink('../secret', join(root, 'outer'));
  await symlink(dir, join(root, 'up'));
  await symlink(join(dir, 'root-of-another'), join(root, 'dangling'));
  await symlink('loop', join(root, 'loop'));
  await mkdir(join(dir, 'root-of-another'));
  await writeFile(join(dir, 'root-of-another', 'b'), 'beside');
  execFileSync('mkfifo', [join(root, 'fifo')]);
  const files = diskFiles({ root });
  const CASES: readonly (readonly [string, string])[] = [
    ['boot/a', 'inside'],
    ['inner', 'inside'],
    ['outer', 'refused 2'],
    ['up/secret', 'refused 2'],
    // A directory whose name merely begins like the root's is not in it.
    ['dangling/b', 'refused 2'],
    ['loop', 'refused 2'],
    ['../secret', 'refused 2'],
    ['boot', 'refused 1'],
    ['fifo', 'refused 1'],
    ['absent', 'refused 1'],
    ['boot/a/b', 'refused 1'],
    ['x'.repeat(300), 'refused 1'],
    ['nul\0', 'refused 0'],
  ];
  for (const [name, want] of CASES) assert.equal(await textOf(await open(files, name)), want, name);
});

test('named files come first, from memory or from anywhere on disk, and follow changes', async (t) => {
  const { root, dir } = await rootWith(t);
  const served = new Map<string, { kind: 'bytes'; bytes: Uint8Array } | { kind: 'path'; path: string }>([
    ['boot/a', { kind: 'bytes', bytes: Buffer.from('named') }],
    ['loader', { kind: 'path', path: join(dir, 'secret') }],
    ['gone', { kind: 'path', path: join(dir, 'nowhere') }],
  ]);
  const files = diskFiles({ root, served });
  assert.equal(await textOf(await open(files, 'boot/a')), 'named');
  assert.equal(await textOf(await open(files, 'loader')), 'secret');
  assert.equal(await textOf(await open(files, 'gone')), 'refused 1');
  served.delete('boot/a');
  assert.equal(await textOf(await open(files, 'boot/a')), 'inside');
});

test('without a root only named files exist', async () => {
  assert.equal(await textOf(await open(diskFiles({}), 'etc/passwd')), 'refused 1');
});

test('a root that is not there is not found, not an exception', async () => {
  assert.equal(await textOf(await open(diskFiles({ root: '/nonexistent/root' }), 'a')), 'refused 1');
});

test('one copy in memory serves all who read a file, until it changes', async (t) => {
  const { root } = await rootWith(t);
  const files = diskFiles({ root });
  const [first, second] = await Promise.all([open(files, 'boot/a'), open(files, 'boot/a')]);
  assert.ok(first.kind === 'file' && second.kind === 'file');
  assert.equal(first.content, second.content);
  await writeFile(join(root, 'boot', 'a'), 'changed now');
  const third = await open(files, 'boot/a');
  assert.equal(await textOf(third), 'changed now');
  assert.equal(await textOf(first), 'inside');
});

test('what is too large for memory is read piece by piece, and a file that shrinks is an error', async (t) => {
  const { root } = await rootWith(t);
  const bytes = sampleBytes(100_000);
  await writeFile(join(root, 'large'), bytes);
  const file = await open(diskFiles({ root, memory: { maxBytes: 1000, maxFileBytes: 1000 } }), 'large');
  assert.ok(file.kind === 'file' && typeof file.content === 'function');
  assert.deepEqual(Buffer.from(await file.content(99_000, 1000)), Buffer.from(bytes.subarray(99_000)));
  await writeFile(join(root, 'large'), 'short');
  await assert.rejects(file.content(0, 100_000), /the file ended at 5 bytes, want 100000/);
  file.close();
});
