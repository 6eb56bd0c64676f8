import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { kindOfKey, parseSource } from '../../cli/commands/image-add.ts';
import { vendor } from '#test/services/images/vendor.ts';
import { runningCli } from './running-cli.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const stated = (out: string) =>
  JSON.parse(out) as { name: string; state: string; files: { disk?: { rawBytes: number } }[] }[];

describe('ingot image', () => {
  it('sends files in pieces, and tells when they are ready', async () => {
    await using cli = await runningCli();
    const disk = randomBytes(9 << 20);
    await writeFile(join(cli.cwd, 'disk.img.gz'), gzipSync(disk, { level: 1 }));
    const { out, error } = await cli.done('image', 'add', 'debian', 'disk.img.gz', '--wait');
    assert.match(error, /^disk\.img\.gz: sent, 9\.\d MB|^disk\.img\.gz: sent/);
    assert.match(out, /^image debian added: disk\nimage debian is ready\n$/);
    const [image] = stated((await cli.done('image', 'list', '-o', 'json')).out);
    assert.equal(image?.state, 'ready');
    assert.equal(image?.files[0]?.disk?.rawBytes, disk.length);
    assert.match((await cli.done('image', 'add', 'debian', 'disk.img.gz')).error, /was there already/);
  });

  it('makes an image of several files, by their names or as they are called', async () => {
    await using cli = await runningCli();
    await writeFile(join(cli.cwd, 'vmlinuz-6.1'), 'kernel');
    await writeFile(join(cli.cwd, 'second'), 'more');
    await cli.done('image', 'add', 'live', 'vmlinuz-6.1', 'initrd=second', '--arch', 'arm64');
    const { out } = await cli.done('image', 'list');
    assert.match(out, /live +arm64 +kernel,initrd +ready/);
  });

  it('refuses a file with another digest before a byte is sent', async () => {
    await using cli = await runningCli();
    await writeFile(join(cli.cwd, 'disk.img'), 'x'.repeat(512));
    const ran = await cli.run(['image', 'add', 'debian', 'disk.img', '--sha512', '0'.repeat(128)]);
    assert.equal(ran.status, 2);
    assert.match(ran.error, /its sha512 is [0-9a-f]{128}, want 0{128}/);
    assert.deepEqual(await readdir(join(cli.api.dir, 'images')), []);
  });

  it('proves a file by its signature before a byte is sent', async () => {
    await using cli = await runningCli();
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    await writeFile(join(cli.cwd, 'disk.img'), 'x'.repeat(512));
    await writeFile(join(cli.cwd, 'key.pem'), publicKey.export({ format: 'pem', type: 'spki' }));
    const signed = async (text: string) =>
      await writeFile(join(cli.cwd, 'sig'), sign(undefined, Buffer.from(text), privateKey).toString('base64'));
    const args = ['image', 'add', 'debian', 'disk.img', '--signature', 'sig', '--key', 'key.pem'];
    await signed('y'.repeat(512));
    const refused = await cli.run(args);
    assert.equal(refused.status, 2);
    assert.match(refused.error, /its cosign signature is of other bytes, or of another key/);
    assert.deepEqual(await readdir(join(cli.api.dir, 'images')), []);
    await signed('x'.repeat(512));
    assert.match((await cli.done(...args)).error, /^disk\.img: cosign signature of key sha256:[0-9a-f]{64}\n/);
  });

  it('has the daemon fetch a URL, proven by a list, and says by what', async () => {
    await using cli = await runningCli();
    await using server = await vendor();
    const disk = Buffer.alloc(1024, 7);
    server.files.set('/d/disk.raw', disk);
    server.files.set('/d/SHA256SUMS', Buffer.from(`${sha256(disk)} *disk.raw\n`));
    const url = `${server.url}/d/disk.raw`;
    const { out } = await cli.done('image', 'add', 'cloud', url, '--digests', `${server.url}/d/SHA256SUMS`, '--wait');
    assert.match(out, /disk: sha256 of http:\/\/\S+\/SHA256SUMS, which is not signed\nimage cloud is ready\n$/);
  });

  it('adds what the catalog knows, by a mirror, and says what will still be needed', async () => {
    await using server = await vendor();
    const imageMirrors = [
      { from: 'https://cloud.debian.org/', to: `${server.url}/debian/` },
      { from: 'https://builds.coreos.fedoraproject.org/', to: `${server.url}/coreos/` },
      { from: 'https://factory.talos.dev/', to: `${server.url}/talos/` },
    ];
    await using cli = await runningCli({ imageMirrors });
    const disk = Buffer.alloc(1024, 7);
    const sha512 = createHash('sha512').update(disk).digest('hex');
    const dir = '/debian/images/cloud/bookworm/latest';
    server.files.set(`${dir}/debian-12-generic-amd64.qcow2`, disk);
    server.files.set(`${dir}/SHA512SUMS`, Buffer.from(`${sha512}  debian-12-generic-amd64.qcow2\n`));
    const added = await cli.done('image', 'add', 'debian@12', '--wait');
    assert.match(added.out, /^image debian-12 added\n {2}from https:\/\/cloud\.debian\.org\//);
    assert.match(added.out, /needs? nothing of the internet\n[\s\S]*came from the mirror http[\s\S]*is ready\n$/);

    const file = (name: string) => ({
      location: `https://builds.coreos.fedoraproject.org/${name}`,
      sha256: sha256(disk),
    });
    const metal = { release: '1', formats: { 'raw.xz': { disk: file('metal.raw') } } };
    server.files.set(
      '/coreos/streams/stable.json',
      Buffer.from(JSON.stringify({ architectures: { x86_64: { artifacts: { metal } } } })),
    );
    server.files.set('/coreos/metal.raw', disk);
    assert.match(
      (await cli.done('image', 'add', 'fedora-coreos@stable', '--as', 'fcos', '--wait')).out,
      /image fcos is ready/,
    );

    const talos = await cli.done('image', 'add', 'talos@v1.13.9');
    assert.match(talos.out, /its machines will need: the installer, from factory\.talos\.dev\/metal-installer\//);
    assert.match((await cli.done('get', 'image', 'talos-v1.13.9', '-o', 'yaml')).out, /catalog: talos@v1\.13\.9/);

    assert.match((await cli.done('image', 'catalog')).out, /^NAME +BOOTS[\s\S]*ubuntu +disk/);
    const unknown = await cli.run(['image', 'add', 'debian@7']);
    assert.deepEqual([unknown.status, unknown.error], [2, 'reference: got 7, want 11, 12, 13\n']);
    const unreachable = await cli.run(['image', 'add', 'fedora-coreos@next']);
    assert.equal(unreachable.status, 1);
    assert.match(unreachable.error, /next\.json: the server answered 404/);
  });

  it('says why a URL is missing, with the exit status for scripts', async () => {
    await using cli = await runningCli();
    await using server = await vendor();
    const ran = await cli.run(['image', 'add', 'cloud', `${server.url}/nothing`, '--wait']);
    assert.equal(ran.status, 1);
    assert.match(ran.error, /could not be fetched: the server answered 404/);
  });

  it('verifies all that is there, and finds a byte that has changed', async () => {
    await using cli = await runningCli();
    await writeFile(join(cli.cwd, 'vmlinuz'), 'kernel');
    await cli.done('image', 'add', 'live', 'vmlinuz');
    assert.match((await cli.done('image', 'verify')).out, /^live kernel: right {2}sha256\n$/);
    await writeFile(join(cli.api.dir, 'images', sha256(Buffer.from('kernel'))), 'kernes');
    const ran = await cli.run(['image', 'verify', 'live']);
    assert.equal(ran.status, 1);
    assert.match(ran.out, /live kernel: wrong .* has sha256 /);
  });

  it('cleans what no image names, after it was told so, and never what is young', async () => {
    await using cli = await runningCli();
    await writeFile(join(cli.cwd, 'vmlinuz'), 'kernel');
    await writeFile(join(cli.cwd, 'initrd'), 'initrd');
    await cli.done('image', 'add', 'live', 'vmlinuz');
    await cli.done('image', 'add', 'other', 'initrd');
    await cli.done('image', 'remove', 'live');
    assert.match((await cli.done('image', 'clean', '--dry-run')).out, /^every file is of some image\n$/);
    const dir = join(cli.api.dir, 'images');
    const hourAgo = new Date(cli.api.clock.now - 2 * 3_600_000);
    for (const file of ['kernel', 'initrd']) await utimes(join(dir, sha256(Buffer.from(file))), hourAgo, hourAgo);
    assert.match((await cli.done('image', 'clean', '--dry-run')).out, /no image names it\n1 files/);
    assert.equal((await cli.run(['image', 'clean'])).status, 5, 'nobody can be asked');
    assert.match((await cli.done('image', 'clean', '--yes')).out, /1 files removed/);
    await assert.rejects(stat(join(dir, sha256(Buffer.from('kernel')))));
    await stat(join(dir, sha256(Buffer.from('initrd'))));
  });

  for (const [text, given, want] of [
    ['vmlinuz-6.1', undefined, { role: 'kernel', source: 'vmlinuz-6.1' }],
    ['a/initramfs.img', undefined, { role: 'initrd', source: 'a/initramfs.img' }],
    ['x.efi', undefined, { role: 'efi', source: 'x.efi' }],
    ['debian.qcow2', undefined, { role: 'disk', source: 'debian.qcow2' }],
    ['kernel=http://a/b?c=d', undefined, { role: 'kernel', source: 'http://a/b?c=d' }],
    ['http://a/b?c=d', 'disk', { role: 'disk', source: 'http://a/b?c=d' }],
  ] as const) {
    it(`takes ${text} as ${want.role}`, () => assert.deepEqual(parseSource(text, given), want));
  }

  it('knows which program made a key', () => {
    assert.equal(kindOfKey('-----BEGIN PGP PUBLIC KEY BLOCK-----'), 'openpgp');
    assert.equal(kindOfKey('-----BEGIN PUBLIC KEY-----'), 'cosign');
    assert.equal(kindOfKey('RWQ…'), 'minisign');
  });
});
