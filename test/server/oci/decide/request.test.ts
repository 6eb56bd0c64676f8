import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { manifestsNamed, type NamedManifest, readOciRequest, splitReference } from '#server/oci/decide/request.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('a request to a registry', () => {
  for (const [path, want] of [
    ['/v2/', { kind: 'base' }],
    ['/v2/a/b/manifests/v1.13.9', { kind: 'manifest', name: 'a/b', reference: 'v1.13.9', byDigest: false }],
    [`/v2/a/manifests/${DIGEST}`, { kind: 'manifest', name: 'a', reference: DIGEST, byDigest: true }],
    [`/v2/ghcr.io/a/blobs/${DIGEST}`, { kind: 'blob', name: 'ghcr.io/a', digest: DIGEST }],
    ['/v2/a/manifests/manifests/x', { kind: 'manifest', name: 'a/manifests', reference: 'x', byDigest: false }],
    ['/v2/a/tags/list', { kind: 'tags', name: 'a' }],
  ] as const) {
    it(`${path} is understood`, () => assert.deepEqual(readOciRequest(path), want));
  }

  for (const path of [
    '/',
    '/v1/',
    '/v2/manifests/x',
    '/v2/A/manifests/x',
    '/v2/../manifests/x',
    '/v2/a//b/manifests/x',
    '/v2/a/blobs/v1',
    '/v2/a/blobs/uploads/',
    '/v2/a/manifests/sha256:short',
    `/v2/a/manifests/${'x'.repeat(129)}`,
    `/v2/${'a'.repeat(256)}/tags/list`,
    '/v2/a/tags/else',
  ]) {
    it(`${path.slice(0, 40)} is none`, () => assert.equal(readOciRequest(path).kind, 'none'));
  }

  it('is never an exception, nor a name that leaves its folder', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('/', 'v2', 'a', '..', 'manifests', ':', '%2e', '\0') }), (path) => {
        const read = readOciRequest(path);
        if ('name' in read) assert.ok(!read.name.split('/').includes('..'));
      }),
      { numRuns: 500 },
    );
  });
});

describe('the images that a name means', () => {
  const named = (...references: readonly string[]): readonly NamedManifest[] =>
    references.map((reference) => ({ reference, digest: DIGEST, mediaType: '' }));
  const all = named(
    'ghcr.io/s/installer:v1',
    'ghcr.io/s/installer:v2',
    'docker.io/s/tool:1',
    'quay.io/s/tool:1',
    'own:1',
  );
  for (const [name, ns, want] of [
    ['ghcr.io/s/installer', undefined, ['ghcr.io/s/installer:v1', 'ghcr.io/s/installer:v2']],
    ['s/installer', 'ghcr.io', ['ghcr.io/s/installer:v1', 'ghcr.io/s/installer:v2']],
    ['s/installer', undefined, ['ghcr.io/s/installer:v1', 'ghcr.io/s/installer:v2']],
    ['s/installer', 'docker.io', []],
    ['s/tool', 'quay.io', ['quay.io/s/tool:1']],
    ['s/tool', undefined, []],
    ['own', undefined, ['own:1']],
    ['own', 'ghcr.io', ['own:1']],
    ['installer', undefined, []],
  ] as const) {
    it(`${name}${ns === undefined ? '' : ` of ${ns}`}: ${want.join(', ') || 'none'}`, () => {
      assert.deepEqual(
        manifestsNamed(all, name, ns).map(({ reference }) => reference),
        want,
      );
    });
  }

  it('a port is no tag', () => {
    assert.deepEqual(splitReference('lab:5000/a'), { name: 'lab:5000/a', tag: 'latest' });
    assert.deepEqual(splitReference(`lab:5000/a:v1@${DIGEST}`), { name: 'lab:5000/a', tag: 'v1' });
  });
});
