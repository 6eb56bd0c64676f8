import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeGptTable, readGptTable } from '#machines/agent/disks/wire/gpt-table.ts';
import { rolledBack, withRelease } from '#machines/rack/talos/decide/installed.ts';
import { tarFile } from '#machines/rack/talos/decide/tar-file.ts';
import {
  decodeText,
  emptyTable,
  encodeText,
  LABELS,
  placeOf,
  protectiveRecord,
  withLabels,
  withoutLabel,
} from '#machines/rack/talos/decide/system-disk.ts';

const SECTORS = (64 << 20) / 512;
const GUID = '01234567-89ab-cdef-0123-456789abcdef';
const guid = (): string => GUID;

describe('the disk of a simulated Talos', () => {
  const table = withLabels(emptyTable(GUID), LABELS, SECTORS, guid);

  it('has its partitions one behind another, and the last one to the end', () => {
    assert.deepEqual(
      table.partitions.map(({ name }) => name),
      LABELS,
    );
    for (const [index, { first, last }] of table.partitions.entries()) {
      assert.ok(last > first);
      assert.equal(first, index === 0 ? 2048 : (table.partitions[index - 1]?.last ?? 0) + 1);
    }
    assert.equal(table.partitions.at(-1)?.last, SECTORS - 34);
  });

  it('is read as it was written', () => {
    const head = new Uint8Array(1 << 20);
    head.set(protectiveRecord(SECTORS));
    for (const { at, bytes } of encodeGptTable(table, SECTORS).primary) head.set(bytes, at);
    const read = readGptTable(head, 512);
    assert.deepEqual(read.ok && read.table.partitions, table.partitions);
    assert.deepEqual([head[510], head[511]], [0x55, 0xaa]);
  });

  it('has a partition that was dropped where it was before, once it is made again', () => {
    const less = withoutLabel(table, 'STATE');
    assert.ok(!less.partitions.some(({ name }) => name === 'STATE'));
    const again = withLabels(less, LABELS, SECTORS, guid).partitions.find(({ name }) => name === 'STATE');
    assert.partialDeepStrictEqual(again ?? {}, placeOf('STATE', SECTORS));
  });

  it('holds texts, and none where it was erased', () => {
    assert.equal(decodeText(encodeText('größe')), 'größe');
    assert.equal(decodeText(encodeText('')), '');
    assert.equal(decodeText(new Uint8Array(1 << 20)), undefined);
    assert.throws(() => encodeText('x'.repeat(2 << 20)), /do not fit/);
  });
});

describe('the entries of a loader', () => {
  const release = (version: string) => ({ version, schematic: 's' });
  const first = { next: 'A', entries: { A: release('v1.13.2') }, line: '' } as const;

  it('have nothing to go back to at first', () => assert.equal(rolledBack(first), undefined));
  it('take a release beside the one that runs, and go back', () => {
    const upgraded = withRelease(first, release('v1.13.9'));
    assert.equal(upgraded.entries[upgraded.next]?.version, 'v1.13.9');
    const back = rolledBack(upgraded);
    assert.equal(back?.next, 'A');
    assert.equal(back.entries.B?.version, 'v1.13.9', 'and forward again');
  });
});

it('an archive of one file is what ustar says', () => {
  const archive = Buffer.from(tarFile('kubeconfig', Buffer.from('x'.repeat(600)), 1_700_000_000_000));
  assert.equal(archive.length % 512, 0);
  assert.equal(archive.subarray(0, 10).toString(), 'kubeconfig');
  assert.equal(Number.parseInt(archive.subarray(124, 135).toString(), 8), 600);
  assert.equal(archive.subarray(257, 262).toString(), 'ustar');
  const sum = archive.subarray(0, 512).reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  assert.equal(Number.parseInt(archive.subarray(148, 154).toString(), 8), sum);
});
