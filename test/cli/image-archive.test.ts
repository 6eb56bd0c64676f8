import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runningCli } from './running-cli.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const AGENT = ['vmlinuz', 'initrd.zst', 'manifest.json'];
const PROFILE = 'kind: Profile\nname: live\nos: kernel\nimage: live\nwhen: always\nwrites: none\n';

/** A site with an image of two files, one of them on the daemon's machine, its profile and a loader. */
async function site() {
  const cli = await runningCli();
  await writeFile(join(cli.cwd, 'vmlinuz'), 'kernel');
  await writeFile(join(cli.cwd, 'initrd'), 'initrd');
  await cli.done('image', 'add', 'live', 'vmlinuz', 'initrd');
  await cli.done('image', 'add', 'other', '--in-place', 'vmlinuz');
  await writeFile(join(cli.cwd, 'profile.yaml'), PROFILE);
  await cli.done('apply', '-f', 'profile.yaml');
  await mkdir(join(cli.api.dir, 'ipxe'));
  await writeFile(join(cli.api.dir, 'ipxe', 'undionly.kpxe'), 'a loader');
  await mkdir(join(cli.api.dir, 'agent', 'x86_64'), { recursive: true });
  for (const name of AGENT) await writeFile(join(cli.api.dir, 'agent', 'x86_64', name), `agent ${name}`);
  return cli;
}

describe('ingot image export and import', () => {
  it('carry a whole site in one file, which is the same each time', async () => {
    await using from = await site();
    await using to = await runningCli();
    const { out } = await from.done('image', 'export', 'site.tar');
    assert.match(out, /^site\.tar: .*, 2 images, 6 files, digests inside\n$/);
    await from.done('image', 'export', 'again.tar');
    const [first, again] = [join(from.cwd, 'site.tar'), join(from.cwd, 'again.tar')];
    assert.deepEqual(await readFile(first), await readFile(again));
    const digests = ['kernel', 'initrd', 'a loader', ...AGENT.map((name) => `agent ${name}`)].map(sha256).toSorted();
    const listed = execFileSync('tar', ['-tf', first]).toString();
    assert.equal(listed, ['ingot-site.json', ...digests.map((digest) => `files/${digest}`), ''].join('\n'));

    await copyFile(first, join(to.cwd, 'site.tar'));
    assert.match((await to.done('image', 'import', 'site.tar', '--dry-run')).out, /nothing was changed\n$/);
    assert.deepEqual(await readdir(join(to.api.dir, 'images')), []);
    const imported = await to.done('image', 'import', 'site.tar');
    assert.match(
      imported.out,
      /Image live created\nImage other created\nProfile live created\n6 files, \d documents; /,
    );
    assert.match((await to.done('image', 'list')).out, /live .*ready[\s\S]*other .*ready/);
    assert.equal(await readFile(join(to.api.dir, 'ipxe', 'undionly.kpxe'), 'utf8'), 'a loader');
    for (const name of AGENT) {
      assert.equal(await readFile(join(to.api.dir, 'agent', 'x86_64', name), 'utf8'), `agent ${name}`);
    }
    assert.match((await to.done('image', 'import', 'site.tar')).out, /^6 files, \d documents; 0 B of /m);
  });

  it('of one image carry what boots it and nothing else', async () => {
    await using from = await site();
    await from.done('image', 'export', 'live.tar', 'live');
    const manifest = execFileSync('tar', ['-xOf', join(from.cwd, 'live.tar'), 'ingot-site.json']).toString();
    const { documents, loaders } = JSON.parse(manifest) as { documents: { kind: string; name: string }[]; loaders: [] };
    assert.deepEqual(
      documents.map(({ kind, name }) => `${kind} ${name}`),
      ['Image live', 'Profile live'],
    );
    assert.deepEqual(loaders, []);
    assert.equal((await from.run(['image', 'export', 'x.tar', 'nobody'])).status, 3);
  });

  it('refuses to export what is not as it was', async () => {
    await using from = await site();
    await writeFile(join(from.api.dir, 'images', sha256('kernel')), 'kernes');
    const ran = await from.run(['image', 'export', 'site.tar']);
    assert.equal(ran.status, 1);
    assert.match(ran.error, /^live: its kernel is wrong: /);
    assert.ok(!(await readdir(from.cwd)).some((one) => one.startsWith('site.tar')));
  });

  for (const [name, spoil, why] of [
    ['cut off in a file', (path: string) => truncate(path, 4000), /it was cut off|at byte \d+/],
    ['cut off in its manifest', (path: string) => truncate(path, 700), /it was cut off: ingot-site\.json/],
    ['of other bytes', (path: string) => replaced(path, 'initrd\0', 'initrz\0'), /have sha256 \w+, want \w+/],
    ['of another name', (path: string) => replaced(path, 'ingot-site', 'ingot-sits'), /checksum/],
    ['of something else', (path: string) => writeFile(path, 'x'.repeat(2000)), /at byte 0: the checksum/],
  ] as const) {
    it(`refuses an archive ${name}, and names no file of it in a document`, async () => {
      await using from = await site();
      await from.done('image', 'export', 'site.tar', 'live');
      await spoil(join(from.cwd, 'site.tar'));
      await using to = await runningCli();
      await copyFile(join(from.cwd, 'site.tar'), join(to.cwd, 'site.tar'));
      const ran = await to.run(['image', 'import', 'site.tar']);
      assert.equal(ran.status, 2);
      assert.match(ran.error, why);
      assert.equal((await to.done('image', 'list', '-o', 'json')).out, '[]\n');
    });
  }
});

async function replaced(path: string, from: string, to: string): Promise<void> {
  const bytes = await readFile(path);
  const at = bytes.indexOf(from);
  assert.ok(at >= 0);
  bytes.set(Buffer.from(to), at);
  await writeFile(path, bytes);
}
