import assert from 'node:assert/strict';
import { lineOf } from '#machines/agent/inventory/decide/clean-text.ts';
import { readPartitions, readSignatures } from '#machines/agent/inventory/read-signatures.ts';
import { decodeGptEntries, decodeGptHeader, gptEntriesBytes } from '#machines/agent/inventory/wire/gpt.ts';
import { decodeHexDump, decodeLldpFrame } from '#machines/agent/inventory/wire/lldp.ts';
import { decodeSmbios } from '#machines/agent/inventory/wire/smbios.ts';
import { decodeVpdAta, decodeVpdSerial } from '#machines/agent/inventory/wire/vpd.ts';
import { FORMATS, image, le32, putGpt, readerOf } from './disk-images.ts';
import { SWITCH } from './lldp-frames.ts';
import { entryPoint3, SERVER, smbiosTable } from './smbios-table.ts';

/** The same numbers for the same seed: xorshift32. */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const ODD = [0, 1, 2, 3, 4, 0x7f, 0x80, 0xfe, 0xff];

/** A few bytes changed, cut out or doubled; sometimes the rest cut off. */
function mutate(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  let mutant = bytes.slice();
  for (let changes = 1 + random(6); changes > 0 && mutant.length > 0; changes--) {
    const at = random(mutant.length);
    switch (random(4)) {
      case 0:
        mutant[at] = random(256);
        break;
      case 1:
        mutant[at] = ODD[random(ODD.length)] ?? 0;
        break;
      case 2:
        mutant.copyWithin(at, random(mutant.length), random(mutant.length));
        break;
      default:
        if (random(4) === 0) mutant = mutant.slice(0, at);
        else mutant.fill(random(2) * 0xff, at, at + random(16));
    }
  }
  return mutant;
}

/** Decoders of small things: none throws, and what they tell can be made one line. Gives how many told something. */
export function fuzzDecoders({ count, seed }: { readonly count: number; readonly seed: number }): number {
  const random = generator(seed);
  const table = smbiosTable(SERVER);
  const entry = entryPoint3(table.length);
  const gpt = putGpt(image(2 ** 20), [{ first: 64, last: 127, name: 'STATE' }]);
  const vpd = new Uint8Array(572).fill(0x41);
  vpd.set([0, 0x89, 2, 56]);
  let told = 0;
  for (let index = 0; index < count; index++) {
    const smbios = decodeSmbios(random(8) === 0 ? mutate(entry, random) : entry, mutate(table, random));
    if (smbios.ok) {
      told++;
      assert.ok(smbios.smbios.processors.length < 10 && smbios.smbios.memory.every(({ bytes }) => bytes > 0));
      checkText(smbios.smbios.system?.serial);
    }
    const frame = decodeLldpFrame(mutate(SWITCH, random));
    if (frame.ok) {
      told++;
      checkText(frame.neighbour.chassis);
      checkText(frame.neighbour.portText);
      assert.ok((frame.neighbour.vlan ?? 0) <= 0xffff);
    }
    const header = decodeGptHeader(mutate(gpt.subarray(512, 1024), random));
    if (header) {
      told++;
      const bytes = gptEntriesBytes(header);
      assert.ok(bytes >= 0 && bytes <= 4 * 2 ** 20);
      if (bytes > 0) {
        const { partitions } = decodeGptEntries(mutate(gpt.subarray(1024, 1024 + 16_384), random), header);
        assert.ok(partitions.length <= 1024 && partitions.every(({ first, last }) => first <= last));
      }
    }
    const page = mutate(vpd, random);
    decodeVpdAta(page);
    checkText(decodeVpdSerial(page));
    decodeHexDump(new TextDecoder('latin1').decode(mutate(SWITCH, random)));
  }
  return told;
}

function checkText(text: string | undefined): void {
  const line = lineOf(text) ?? '';
  assert.ok(line.length <= 255 && !/\p{Cc}/u.test(line) && line.isWellFormed());
}

/** Whole disks: no mutation makes a reader throw, read beyond the end, or read without end. Gives how many showed something. */
export async function fuzzDisks({ count, seed }: { readonly count: number; readonly seed: number }): Promise<number> {
  const random = generator(seed);
  const size = 2 ** 20;
  const dos = image(size, {
    446: [0, 0, 0, 0, 0x05, 0, 0, 0, ...le32(64), ...le32(1024)],
    510: [0x55, 0xaa],
    [64 * 512 + 446]: [
      0,
      0,
      0,
      0,
      0x83,
      0,
      0,
      0,
      ...le32(8),
      ...le32(64),
      0,
      0,
      0,
      0,
      5,
      0,
      0,
      0,
      ...le32(128),
      ...le32(64),
    ],
    [64 * 512 + 510]: [0x55, 0xaa],
  });
  const seeds = [
    putGpt(image(size), [
      { first: 64, last: 1023, name: 'STATE' },
      { first: 1024, last: 1999, name: 'x' },
    ]),
    dos,
    ...FORMATS.map(({ disk }) => disk().slice(0, size)),
  ];
  let shown = 0;
  for (let index = 0; index < count; index++) {
    const original = seeds[random(seeds.length)] ?? dos;
    const disk = original.slice(0, random(4) === 0 ? random(original.length) : original.length);
    // Where tables and superblocks lie; the rest of a disk is zeros.
    for (const at of [0, 440, 512, 1024, 4096, 32_768, Math.max(0, disk.length - 4096)]) {
      if (random(2) === 0) continue;
      const part = disk.subarray(at, at + 128);
      part.set(mutate(part, random));
    }
    let reads = 0;
    const read = readerOf(disk);
    const counted = (into: Uint8Array, position: number): Promise<void> => {
      reads += 1;
      assert.ok(into.length <= 4 * 2 ** 20 && Number.isSafeInteger(position) && position >= 0);
      return read(into, position);
    };
    const signatures = await readSignatures(counted, disk.length);
    assert.ok(signatures.length <= 256);
    for (const one of signatures) assert.equal(lineOf(one), one);
    for (const { offset, bytes } of await readPartitions(counted, disk.length, 512)) {
      assert.ok(offset > 0 && offset + bytes <= disk.length);
    }
    assert.ok(reads < 257 * 32, `${reads} reads`);
    if (signatures.length > 0) shown++;
  }
  return shown;
}
