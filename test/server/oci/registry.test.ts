import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { ociRegistry } from '#server/oci/registry.ts';
import { openOciLayouts } from '#services/images/oci-layouts.ts';
import { sharedChunks } from '#services/images/shared-chunks.ts';
import { encodeTarHeader, tarPadding } from '#services/images/wire/tar.ts';
import { need } from '#test/lab/need.ts';

const run = promisify(execFile);
const NAME = 'ghcr.io/siderolabs/installer';

/** A layout of one image with one layer, as `skopeo copy` leaves it, and a registry over it. */
async function place(reference = `${NAME}:v1.13.9`) {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-oci-'));
  const layout = join(dir, 'oci', 'installer');
  await mkdir(join(layout, 'blobs', 'sha256'), { recursive: true });
  const put = async (mediaType: string, bytes: Uint8Array) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(layout, 'blobs', 'sha256', hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
  const text = Buffer.from('an installer');
  const tar = Buffer.concat([
    encodeTarHeader({ name: 'install', size: text.length }),
    text,
    new Uint8Array(tarPadding(text.length) + 1024),
  ]);
  const layer = await put('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(tar));
  const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
  const config = await put(
    'application/vnd.oci.image.config.v1+json',
    json({ architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [diffId] } }),
  );
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = await put(mediaType, json({ schemaVersion: 2, mediaType, config, layers: [layer] }));
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const annotations = { 'org.opencontainers.image.ref.name': reference };
  await writeFile(join(layout, 'index.json'), json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }));

  const stop = new AbortController();
  const warned: unknown[] = [];
  const log = { debug() {}, info() {}, warn: (about: unknown) => void warned.push(about), error() {} };
  const registry = ociRegistry({
    listen: { address: sure(parseIpv4('127.0.0.1')), port: 0 },
    layouts: openOciLayouts(join(dir, 'oci')),
    chunks: sharedChunks(),
    log,
  });
  const running = registry.run(stop.signal);
  const { url } = await registry.ready;
  return {
    dir,
    url,
    layout,
    layer,
    manifest,
    config,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await rm(dir, { recursive: true });
    },
  };
}

describe('the registry', () => {
  it('gives manifests by tag and by digest, with type and digest, to GET and HEAD', async () => {
    await using at = await place();
    for (const path of [
      `${NAME}/manifests/v1.13.9`,
      'siderolabs/installer/manifests/v1.13.9?ns=ghcr.io',
      'siderolabs/installer/manifests/v1.13.9',
      `${NAME}/manifests/${at.manifest.digest}`,
    ]) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await fetch(`${at.url}/v2/${path}`, { method });
        assert.equal(answer.status, 200, `${method} ${path}`);
        assert.equal(answer.headers.get('content-type'), at.manifest.mediaType);
        assert.equal(answer.headers.get('docker-content-digest'), at.manifest.digest);
        assert.equal(answer.headers.get('content-length'), String(at.manifest.size));
        const bytes = new Uint8Array(await answer.arrayBuffer());
        if (method === 'GET') {
          assert.equal(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, at.manifest.digest);
        }
      }
    }
    const mirrored = await fetch(`${at.url}/v2/siderolabs/installer/manifests/v1.13.9?ns=ghcr.io`);
    assert.equal(mirrored.headers.get('oci-namespace'), 'ghcr.io');
  });

  it('gives a part of a blob', async () => {
    await using at = await place();
    const whole = await readFile(join(at.layout, 'blobs', 'sha256', at.layer.digest.slice(7)));
    const answer = await fetch(`${at.url}/v2/${NAME}/blobs/${at.layer.digest}`, { headers: { range: 'bytes=5-9' } });
    assert.equal(answer.status, 206);
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), whole.subarray(5, 10));
  });

  it('lists tags', async () => {
    await using at = await place();
    const answer = await fetch(`${at.url}/v2/${NAME}/tags/list`);
    assert.deepEqual(await answer.json(), { name: NAME, tags: ['v1.13.9'] });
  });

  it('names an image without a repository by its folder', async () => {
    await using at = await place('v2');
    assert.equal((await fetch(`${at.url}/v2/installer/manifests/v2`)).status, 200);
  });

  for (const [method, path, status, code] of [
    ['GET', `${NAME}/manifests/v9`, 404, 'MANIFEST_UNKNOWN'],
    ['GET', 'other/manifests/v1.13.9', 404, 'MANIFEST_UNKNOWN'],
    ['GET', 'siderolabs/installer/manifests/v1.13.9?ns=docker.io', 404, 'MANIFEST_UNKNOWN'],
    ['GET', `${NAME}/blobs/sha256:${'0'.repeat(64)}`, 404, 'BLOB_UNKNOWN'],
    ['GET', 'other/tags/list', 404, 'NAME_UNKNOWN'],
    ['GET', '%2e%2e/manifests/x', 404, 'NAME_UNKNOWN'],
    ['PUT', `${NAME}/manifests/v1.13.9`, 405, 'UNSUPPORTED'],
    ['POST', `${NAME}/blobs/uploads/`, 405, 'UNSUPPORTED'],
    ['DELETE', `${NAME}/manifests/v1.13.9`, 405, 'UNSUPPORTED'],
  ] as const) {
    it(`answers ${method} ${path.slice(0, 60)} with ${status} ${code}`, async () => {
      await using at = await place();
      const answer = await fetch(`${at.url}/v2/${path}`, { method });
      const { errors } = (await answer.json()) as { errors: { code: string }[] };
      assert.deepEqual([answer.status, errors[0]?.code], [status, code]);
    });
  }

  it('is pulled from by skopeo, and takes nothing from it', async (t) => {
    if (!need(t, ['skopeo'])) return;
    await using at = await place();
    const from = `docker://${at.url.replace('http://', '')}/${NAME}:v1.13.9`;
    const policy = ['--insecure-policy', '--tmpdir', at.dir];
    const inspected = await run('skopeo', [...policy, 'inspect', '--tls-verify=false', from]);
    assert.equal((JSON.parse(inspected.stdout) as { Digest: string }).Digest, at.manifest.digest);
    await run('skopeo', [...policy, 'copy', '--src-tls-verify=false', from, `dir:${join(at.dir, 'pulled')}`]);
    const layer = await readFile(join(at.dir, 'pulled', at.layer.digest.slice(7)));
    assert.equal(`sha256:${createHash('sha256').update(layer).digest('hex')}`, at.layer.digest);
    await assert.rejects(
      run('skopeo', [...policy, 'copy', '--dest-tls-verify=false', `dir:${join(at.dir, 'pulled')}`, from]),
    );
    // What skopeo itself laid out is served as well.
    await run('skopeo', [
      ...policy,
      'copy',
      `dir:${join(at.dir, 'pulled')}`,
      `oci:${join(at.dir, 'oci', 'b')}:lab/b:v3`,
    ]);
    const again = await run('skopeo', [
      ...policy,
      'inspect',
      '--tls-verify=false',
      from.replace(`${NAME}:v1.13.9`, 'lab/b:v3'),
    ]);
    assert.equal((JSON.parse(again.stdout) as { Layers: string[] }).Layers[0], at.layer.digest);
  });
});
