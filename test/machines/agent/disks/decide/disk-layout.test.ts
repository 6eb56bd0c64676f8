import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type GrowTarget, layOut, type NewVolume } from '#machines/agent/disks/decide/disk-layout.ts';
import { readGptTable } from '#machines/agent/disks/wire/gpt-table.ts';
import { putGpt } from '../../inventory/disk-images.ts';

const MIB = 1 << 20;
const ESP = { first: 2048, last: 4095, name: 'ESP' };
const ROOT = { first: 4096, last: 6143, name: 'ROOT' };
const last: GrowTarget = { kind: 'last' };
const named = (name: string): GrowTarget => ({ kind: 'name', name });
const volume = (label: string): NewVolume => ({ label, bytes: 2 * MIB, guid: '01234567-89AB-CDEF-0123-456789ABCDEF' });

function laid(mib: number, more: { volumes?: readonly NewVolume[]; grow?: GrowTarget }, partitions = [ESP, ROOT]) {
  const read = readGptTable(putGpt(new Uint8Array(4 * MIB), partitions), 512);
  assert.ok(read.ok);
  return layOut({ table: read.table, sectors: (mib * MIB) / 512, volumes: [], ...more });
}
/** In sectors of 512 bytes. */
const places = (answer: ReturnType<typeof laid>) =>
  answer.ok
    ? answer.layout.table.partitions.map(({ number, name, first, last: end }) => [number, name, first, end])
    : assert.fail(answer.because);

describe('a disk that an image was written to', () => {
  it('keeps its partitions where nothing was asked', () =>
    assert.deepEqual(places(laid(16, {})), [
      [1, 'ESP', 2048, 4095],
      [2, 'ROOT', 4096, 6143],
    ]));

  it('has its last partition grown to the last whole MiB in front of the copy', () =>
    assert.deepEqual(places(laid(16, { grow: last })), [
      [1, 'ESP', 2048, 4095],
      [2, 'ROOT', 4096, 15 * 2048 - 1],
    ]));

  it('has a volume at its end, and the last partition grown up to it', () =>
    assert.deepEqual(places(laid(16, { grow: named('ROOT'), volumes: [volume('cidata')] })), [
      [1, 'ESP', 2048, 4095],
      [2, 'ROOT', 4096, 13 * 2048 - 1],
      [3, 'cidata', 13 * 2048, 15 * 2048 - 1],
    ]));

  it('has two volumes in the order they were asked for', () =>
    assert.deepEqual(places(laid(16, { volumes: [volume('cidata'), volume('config-2')] })).slice(2), [
      [3, 'cidata', 11 * 2048, 13 * 2048 - 1],
      [4, 'config-2', 13 * 2048, 15 * 2048 - 1],
    ]));

  it('that has the image’s size stays as it is, though growing was asked for', () => {
    const answer = laid(4, { grow: last }, [ESP, { ...ROOT, last: 4 * 2048 - 34 - 1 }]);
    assert.deepEqual(places(answer)[1], [2, 'ROOT', 4096, 4 * 2048 - 34 - 1]);
    assert.ok(answer.ok && answer.layout.grown === undefined);
  });

  for (const [what, answer, because] of [
    ['no room', () => laid(4, { volumes: [volume('cidata')] }), /no room for cidata: 2 MiB are missing/],
    [
      'a partition that is not the last',
      () => laid(16, { grow: named('ESP') }),
      /ESP cannot grow: ROOT lies behind it/,
    ],
    [
      'a partition that is not there',
      () => laid(16, { grow: named('DATA') }),
      /no partition DATA is in the image: ESP, ROOT/,
    ],
    ['no partitions', () => laid(16, { grow: last }, []), /no partition to grow/],
    ['a seed of the image’s own', () => laid(16, { volumes: [volume('root')] }), /has a partition ROOT already/],
    ['a disk that is too small', () => laid(3, {}), /ROOT goes to sector 6143/],
  ] as const) {
    it(`is refused with ${what}`, () => {
      const refused = answer();
      assert.ok(!refused.ok);
      assert.match(refused.because, because);
    });
  }
});
