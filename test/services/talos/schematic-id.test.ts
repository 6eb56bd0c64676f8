import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Schematic, schematic } from '#machines/os/talos/schematic.ts';
import { schematicId } from '#services/talos/schematic-id.ts';

const VECTORS: readonly (readonly [string, Schematic, string])[] = [
  ['an empty one', {}, '376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba'],
  [
    'kernel arguments',
    { customization: { extraKernelArgs: ['noapic', 'nolapic'] } },
    '9cba8e32753f91a16c1837ab8abf356af021706ef284aef07380780177d9a06c',
  ],
  [
    'META',
    { customization: { meta: [{ key: 10, value: 'foo' }] } },
    'd308a2a5ee2277bed5fbaa104fcbc8d59122abfa737df987a95b4ca763459a7f',
  ],
  [
    'an overlay',
    { overlay: { image: 'siderolabs/sbc-raspberrypi', name: 'rpi_generic' } },
    'ee21ef4a5ef808a9b7484cc0dda0f25075021691c8c09a276591eedb638ea1f9',
  ],
  [
    'certificates of others',
    { customization: { secureboot: { includeWellKnownCertificates: true } } },
    'fa8e05f142a851d3ee568eb0a8e5841eaf6b0ebc8df9a63df16ac5ed2c04f3e6',
  ],
  [
    'a sector size',
    { customization: { diskImage: { sectorSize: 4096 } } },
    '92833e9ddd9bb9e11b2464fa5525429f01866306d52ebd882ee08d7918f6d1ea',
  ],
];

describe('the id of a schematic', () => {
  for (const [what, given, id] of VECTORS) {
    it(`of ${what} is the factory's`, () => assert.equal(schematicId(schematic.parse(given)), id));
  }

  it('does not change by what is empty', () => {
    const empty = { owner: '', customization: { extraKernelArgs: [], secureboot: {}, diskImage: { sectorSize: 0 } } };
    assert.equal(schematicId(empty), schematicId({}));
  });
});
