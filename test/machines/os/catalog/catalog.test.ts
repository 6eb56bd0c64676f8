import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { imageAsset, name as imageName } from '#machines/contract/documents.ts';
import { CATALOG, nameOfReference, parseReference, resolveReference } from '#machines/os/catalog/catalog.ts';
import type { CatalogImage, Resolved } from '#machines/os/catalog/entry.ts';
import type { Architecture } from '#machines/values/architecture.ts';

const STREAM_FILE = (file: string) => ({
  location: `https://builds.coreos.fedoraproject.org/prod/streams/stable/builds/44.1/x86_64/${file}`,
  signature: 'ignored',
  sha256: 'a'.repeat(64),
});
const STREAM = {
  stream: 'stable',
  architectures: {
    x86_64: {
      artifacts: {
        metal: {
          release: '44.1',
          formats: {
            iso: { disk: STREAM_FILE('live.iso') },
            'raw.xz': { disk: STREAM_FILE('metal.raw.xz') },
            pxe: {
              kernel: STREAM_FILE('kernel'),
              initramfs: STREAM_FILE('initramfs.img'),
              rootfs: STREAM_FILE('rootfs.img'),
            },
          },
        },
      },
    },
  },
};

function resolve(reference: string, architecture: Architecture = 'x86_64', index: unknown = STREAM): Resolved {
  const parsed = parseReference(reference);
  if ('because' in parsed) return { kind: 'refused', because: parsed.because };
  const resolved = resolveReference(parsed, architecture);
  return resolved.kind === 'index' ? resolved.read(index) : resolved;
}

function found(reference: string, architecture?: Architecture): CatalogImage {
  const resolved = resolve(reference, architecture);
  assert.equal(resolved.kind, 'image', JSON.stringify(resolved));
  return resolved.kind === 'image' ? resolved.image : { assets: [], pulls: [], args: [] };
}

/** One version that each entry takes. */
const VERSIONS: Readonly<Record<string, string>> = {
  debian: '12',
  'alpine-installer': '3.23',
  ubuntu: '24.04',
  'fedora-coreos': 'stable',
  'fedora-coreos-live': 'stable',
  'fedora-installer': '44',
  rocky: '9',
  'rocky-installer': '9.6',
  flatcar: 'stable',
  'flatcar-live': '4459.2.0',
  talos: 'v1.13.9',
  'talos-disk': `1.13.9+${'b'.repeat(64)}`,
};

describe('the catalog', () => {
  for (const { name, boots } of CATALOG) {
    it(`has of ${name} what a document takes, by HTTPS, and a name for it`, () => {
      const reference = `${name}@${VERSIONS[name] ?? ''}`;
      const { assets } = found(reference);
      for (const asset of assets) {
        assert.equal(imageAsset.safeParse(asset).success, true, JSON.stringify(asset));
        assert.match(asset.url ?? '', /^https:\/\/[a-z0-9.-]+\/\S+$/);
        assert.doesNotMatch(asset.url ?? '', /undefined/);
      }
      const roles = assets.map(({ role }) => role);
      assert.equal(roles[0], boots === 'disk' ? 'disk' : 'kernel');
      const parsed = parseReference(reference);
      assert.ok(!('because' in parsed) && imageName.safeParse(nameOfReference(parsed)).success);
    });
  }

  it('takes Ubuntu by a list that its key must have signed', () => {
    const [disk] = found('ubuntu@24.04', 'arm64').assets;
    const dir = 'https://cloud-images.ubuntu.com/releases/noble/release';
    assert.equal(disk?.url, `${dir}/ubuntu-24.04-server-cloudimg-arm64.img`);
    assert.equal(disk?.digests?.url, `${dir}/SHA256SUMS`);
    assert.equal(disk?.digests?.signature?.fingerprint, 'D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81');
  });

  it('takes CoreOS as its stream says, the root file system as a second initrd', () => {
    const { assets, pulls } = found('fedora-coreos-live@stable');
    assert.deepEqual(
      assets.map(({ role, url, sha256 }) => [role, url?.split('/').at(-1), sha256]),
      [
        ['kernel', 'kernel', 'a'.repeat(64)],
        ['initrd', 'initramfs.img', 'a'.repeat(64)],
        ['initrd', 'rootfs.img', 'a'.repeat(64)],
      ],
    );
    assert.deepEqual(pulls, [], 'nothing of the internet is needed');
  });

  it('takes Talos of a schematic, and knows its installer', () => {
    const schematic = 'c'.repeat(64);
    const { assets, pulls, args } = found(`talos@v1.13.9+${schematic}`, 'arm64');
    assert.equal(assets[0]?.url, `https://factory.talos.dev/image/${schematic}/v1.13.9/kernel-arm64`);
    assert.equal(pulls[0]?.from, `factory.talos.dev/metal-installer/${schematic}:v1.13.9`);
    assert.ok(args.includes('talos.platform=metal'));
  });

  for (const [reference, why, architecture, index] of [
    ['slackware@15', /^got slackware, want one of debian, /],
    ['debian', /^debian: want a version after @: 11, 12, 13$/],
    ['debian@bookworm', /^got bookworm, want 11, 12, 13$/],
    ['debian@__proto__', /^got __proto__, want/],
    ['flatcar@../x', /^got \.\.\/x, want stable/],
    ['talos@v1.13.9+short', /^got short, want the id of a schematic/],
    ['talos@2.0', /Talos/],
    ['debian@12', /^debian is not built for riscv64$/, 'riscv64'],
    ['fedora-coreos@stable', /has nothing for arm64$/, 'arm64'],
    ['fedora-coreos@stable', /is no metadata of a stream/, 'x86_64', { architectures: [] }],
  ] as const) {
    it(`refuses ${reference} for ${architecture ?? 'x86_64'}, and says what it wants`, () => {
      const resolved = resolve(reference, architecture, index);
      assert.match(resolved.kind === 'refused' ? resolved.because : resolved.kind, why);
    });
  }
});
