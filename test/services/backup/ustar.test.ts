import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeTarHeader, encodeTarHeader, END } from '#services/backup/wire/ustar.ts';

const entry = { path: 'data/ingot.sqlite', size: 4096, mode: 0o600, modifiedAt: 1_796_000_000 };

test('a header comes back, also with a long path and with a size beyond what octal holds', () => {
  for (const one of [
    entry,
    { ...entry, size: 0 },
    { ...entry, size: 20 * 2 ** 30 },
    { ...entry, path: `data/${'d'.repeat(90)}/${'f'.repeat(90)}` },
    { ...entry, path: 'data/ümläut' },
  ]) {
    assert.deepEqual(decodeTarHeader(encodeTarHeader(one)), { kind: 'entry', entry: one });
  }
  assert.deepEqual(decodeTarHeader(END.subarray(512)), { kind: 'end' });
});

test('paths that leave the folder are neither written nor read', () => {
  for (const path of ['/etc/shadow', 'data/../x', '../x', 'data//x', '', 'data/', './x', 'a\u0000b', 'x'.repeat(101)]) {
    assert.throws(() => encodeTarHeader({ ...entry, path }), /does not fit/);
  }
});

test('a header that was changed anywhere is no entry', () => {
  const block = encodeTarHeader(entry);
  for (let at = 0; at < block.length; at++) {
    const changed = Uint8Array.from(block);
    changed[at] = (changed[at] ?? 0) ^ 0x11;
    const read = decodeTarHeader(changed);
    if (read.kind === 'entry') assert.deepEqual(read.entry, entry, `byte ${at}`);
  }
});

test('what is no regular file is refused', () => {
  for (const type of ['1', '2', '3', '5', 'x', 'L', 'g']) {
    const block = encodeTarHeader(entry);
    block[156] = type.charCodeAt(0);
    block.set(new TextEncoder().encode('        '), 148);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
    assert.match(JSON.stringify(decodeTarHeader(block)), /no regular file/);
  }
});
