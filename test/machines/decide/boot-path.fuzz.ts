import assert from 'node:assert/strict';
import { type BootPath, claimsOf, resolveBootPath } from '#machines/decide/boot-path.ts';
import { LOADER_NAMES } from '#machines/decide/loader.ts';

const ATTEMPT = 'AAAAAAAAAAAAAAAAAAAAAA';
const SEEDS: readonly string[] = [
  `/a/${ATTEMPT}/boot.ipxe?mac=52:54:00:00:00:01&serial=A%20B`,
  `/a/${ATTEMPT}/kernel?uuid=12345678-1234-5678-9abc-def012345678&platform=efi`,
  `/a/${ATTEMPT}/initrd-31`,
  `/a/${ATTEMPT}/image.efi`,
  `/a/${ATTEMPT}/failed?what=kernel&errno=0x2d0c613b`,
  '/boot.ipxe?mac=52-54-00-00-00-01',
  '/grub/grub.cfg',
  '/grub/machine.cfg?mac=52:54:00:00:00:01&uuid=12345678-1234-5678-9abc-def012345678',
  '/grubx64.efi',
  'http://192.0.2.1:8080//ipxe/x86_64/snponly.efi',
  ...LOADER_NAMES.map((name) => `/${name}`),
];
const PIECES: readonly string[] = [
  ...['/', '//', '..', '.', '%2e', '%2E%2e', '%2f', '%5c', '%00', '%', '%zz', '%25', '\\', '?', '#', '&', '=', '+'],
  ...[';', ':', '@', '*', '~', ' ', '\r\n', '\0', '\u0085', '\ud800', 'é', '🦆', 'a', 'A', '0', '-1', '32', '00'],
  ...['ipxe', 'boot.ipxe', 'kernel', 'initrd-', '__proto__', 'http://', 'https://x', '//x', 'a'.repeat(5000)],
];

/** What a mutated target could do wrong is checked for each; gives how many were tried, and how many named something. */
export function fuzzBootPaths({ count, seed }: { readonly count: number; readonly seed: number }) {
  const random = generator(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  let named = 0;
  for (let index = 0; index < count; index++) {
    let target = pick(SEEDS);
    for (let changes = Math.floor(random() * 4); changes > 0; changes--) target = mutate(target, random, pick(PIECES));
    const path = resolveBootPath(target);
    checkPath(path, target);
    for (const [claim, value] of claimsOf(target)) {
      assert.ok(value.length <= 255, `${claim} of ${JSON.stringify(target)}`);
    }
    if (path.kind !== 'none') named++;
  }
  return { count, named };
}

function mutate(target: string, random: () => number, piece: string): string {
  const at = Math.floor(random() * (target.length + 1));
  const length = Math.floor(random() * 6);
  switch (Math.floor(random() * 5)) {
    case 0:
      return target.slice(0, at) + piece + target.slice(at);
    case 1:
      return target.slice(0, at) + target.slice(at + length);
    case 2:
      return target.slice(0, at) + String.fromCharCode(Math.floor(random() * 0x180)) + target.slice(at + 1);
    case 3:
      return target.slice(0, at) + target.slice(at - length) + piece;
    default:
      return target.slice(0, at) + encodeURIComponent(target.slice(at, at + length).toWellFormed()) + target.slice(at);
  }
}

/** Nothing but names of ours may come out, whatever goes in. */
function checkPath(path: BootPath, target: string): void {
  const told = JSON.stringify(target.slice(0, 300));
  switch (path.kind) {
    case 'loader':
      assert.ok(LOADER_NAMES.includes(path.name), told);
      return;
    case 'asset':
      assert.ok(Number.isInteger(path.index) && path.index >= 0 && path.index < 32, told);
      assert.match(path.attempt, /^[A-Za-z0-9_-]{22}$/, told);
      return;
    case 'script':
    case 'failed':
      assert.match(path.attempt, /^[A-Za-z0-9_-]{22}$/, told);
      return;
    case 'by-hand':
    case 'grub':
    case 'grub-start':
      return;
    case 'none':
      assert.notEqual(path.because, '', told);
      return;
    default:
      path satisfies never;
  }
}

/** xorshift32: the same seed makes the same run. */
function generator(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

if (import.meta.main) {
  const [count = '3000000', seed = '1'] = process.argv.slice(2);
  console.log(fuzzBootPaths({ count: Number(count), seed: Number(seed) }));
}
