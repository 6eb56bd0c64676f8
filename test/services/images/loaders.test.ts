import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { openLoaders } from '#services/images/loaders.ts';
import { peFile } from '#test/server/http/world.ts';

const BIOS = Buffer.from('a network boot program has no header');
const X64 = peFile(0x8664);
const ARM64 = peFile(0xaa64);

async function place(files: Readonly<Record<string, Buffer>>) {
  const root = await mkdtemp(join(tmpdir(), 'ingot-loaders-'));
  const put = async (name: string, bytes: Buffer) => {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), bytes);
  };
  for (const [name, bytes] of Object.entries(files)) await put(name, bytes);
  let at = 1_000_000;
  const loaders = openLoaders({ dir: join(root, 'own'), fallbackDirs: [join(root, 'debian')], now: () => at });
  return {
    root,
    put,
    loaders,
    names: () => [...loaders.available().keys()].toSorted(),
    later: () => void (at += 1000),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

describe('loaders', () => {
  it('are found by name in the directory of the administrator, and flat in a package', async () => {
    await using at = await place({
      'own/ipxe/arm64/snponly.efi': ARM64,
      'debian/undionly.kpxe': BIOS,
      'debian/snponly.efi': X64,
      'debian/ipxe.efi': X64,
    });
    assert.deepEqual(at.names(), [
      'ipxe/arm64/snponly.efi',
      'ipxe/undionly.kpxe',
      'ipxe/x86_64/ipxe.efi',
      'ipxe/x86_64/snponly.efi',
    ]);
    assert.equal(at.loaders.path('ipxe/x86_64/snponly.efi'), join(at.root, 'debian/snponly.efi'));
    assert.deepEqual(at.loaders.available().get('ipxe/undionly.kpxe'), {
      name: 'ipxe/undionly.kpxe',
      size: BIOS.length,
    });
    assert.deepEqual(at.loaders.problems(), []);
  });

  it('are found by the names that Debian 13 gives them', async () => {
    await using at = await place({
      'debian/ipxe.efi': X64,
      'debian/ipxe-amd64.efi': X64,
      'debian/ipxe-arm64.efi': ARM64,
      'debian/ipxe-riscv64.efi': peFile(0x5064),
      'debian/snponly.efi': X64,
    });
    const found = at.names().map((name) => [name, at.loaders.path(name)?.slice(at.root.length)]);
    assert.deepEqual(Object.fromEntries(found), {
      'ipxe/arm64/ipxe.efi': '/debian/ipxe-arm64.efi',
      'ipxe/riscv64/ipxe.efi': '/debian/ipxe-riscv64.efi',
      'ipxe/x86_64/ipxe.efi': '/debian/ipxe.efi',
      'ipxe/x86_64/snponly.efi': '/debian/snponly.efi',
    });
    assert.deepEqual(at.loaders.problems(), []);
  });

  it('that are signed are found as Debian’s packages have them, if their GRUB speaks HTTP', async () => {
    const speaking = Buffer.concat([X64, Buffer.from('Content-Length: \0Transfer-Encoding: chunked\0')]);
    await using at = await place({
      'debian/shimx64.efi.signed': X64,
      'debian/x86_64-efi-signed/grubnetx64.efi.signed': speaking,
      'debian/shimaa64.efi.signed': ARM64,
      'own/grub/arm64/grubaa64.efi': ARM64,
    });
    assert.deepEqual(at.names(), ['grub/arm64/shimaa64.efi', 'grub/x86_64/grubx64.efi', 'grub/x86_64/shimx64.efi']);
    assert.equal(
      at.loaders.path('grub/x86_64/grubx64.efi'),
      join(at.root, 'debian/x86_64-efi-signed/grubnetx64.efi.signed'),
    );
    assert.equal(at.loaders.problems().length, 1);
    assert.match(at.loaders.problems()[0] ?? '', /own\/grub\/arm64\/grubaa64\.efi: is a GRUB that cannot speak HTTP/);
  });

  it('of the administrator go before those of a package', async () => {
    await using at = await place({ 'own/ipxe/undionly.kpxe': BIOS, 'debian/undionly.kpxe': BIOS });
    assert.equal(at.loaders.path('ipxe/undionly.kpxe'), join(at.root, 'own/ipxe/undionly.kpxe'));
  });

  it('under a wrong name are not offered, and the reason is told', async () => {
    await using at = await place({
      'own/ipxe/x86_64/snponly.efi': ARM64,
      'own/ipxe/arm64/ipxe.efi': Buffer.from('no program'),
      'own/ipxe/undionly.kpxe': X64,
      'own/ipxe/riscv64/ipxe.efi': peFile(0x0200),
    });
    assert.deepEqual(at.names(), []);
    assert.deepEqual(
      at.loaders.problems().map((problem) => problem.slice(at.root.length)),
      [
        '/own/ipxe/undionly.kpxe: is a UEFI program, want a BIOS one',
        '/own/ipxe/x86_64/snponly.efi: is for arm64, its name says x86_64',
        '/own/ipxe/arm64/ipxe.efi: is no UEFI program',
        '/own/ipxe/riscv64/ipxe.efi: is for a processor that nothing is known of (PE machine 0x200)',
      ],
    );
  });

  it('that come, change and go are noticed within a second', async () => {
    await using at = await place({});
    assert.deepEqual(at.names(), []);
    await at.put('own/ipxe/undionly.kpxe', BIOS);
    assert.deepEqual(at.names(), [], 'it looked a moment ago');
    at.later();
    assert.deepEqual(at.names(), ['ipxe/undionly.kpxe']);
    await at.put('own/ipxe/undionly.kpxe', X64);
    at.later();
    assert.deepEqual(at.names(), []);
    await rm(join(at.root, 'own'), { recursive: true });
    at.later();
    assert.deepEqual(at.loaders.problems(), []);
  });

  it('that are empty, directories or unreadable are none', async (t) => {
    await using at = await place({ 'own/ipxe/undionly.kpxe': Buffer.alloc(0) });
    await mkdir(join(at.root, 'own/ipxe/x86_64/snponly.efi'), { recursive: true });
    assert.deepEqual(at.names(), []);
    if (process.getuid?.() === 0) return t.diagnostic('root may read everything');
    await at.put('own/ipxe/undionly.kpxe', BIOS);
    await chmod(join(at.root, 'own/ipxe/undionly.kpxe'), 0);
    at.later();
    assert.deepEqual(at.names(), []);
    return assert.match(at.loaders.problems()[0] ?? '', /could not be read/);
  });
});
