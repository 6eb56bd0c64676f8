import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseLoader, LOADER_NAMES, type LoaderFile } from '#machines/decide/loader.ts';
import { systemOfCode } from '#machines/values/architecture.ts';

const all = new Map<string, LoaderFile>(LOADER_NAMES.map((name) => [name, { name, size: 1 }]));

const TABLE: readonly { readonly code: number; readonly what: string; readonly want: string }[] = [
  { code: 0, what: 'x86 BIOS', want: 'ipxe/undionly.kpxe' },
  { code: 6, what: 'x86 UEFI', want: 'ipxe/i386/snponly.efi' },
  { code: 7, what: 'x64 UEFI', want: 'ipxe/x86_64/snponly.efi' },
  { code: 9, what: 'EBC, which many x64 ROMs say', want: 'ipxe/x86_64/snponly.efi' },
  { code: 11, what: 'arm64 UEFI', want: 'ipxe/arm64/snponly.efi' },
  { code: 16, what: 'x64 UEFI HTTP Boot', want: 'ipxe/x86_64/snponly.efi' },
  { code: 19, what: 'arm64 UEFI HTTP Boot', want: 'ipxe/arm64/snponly.efi' },
  { code: 27, what: 'RISC-V 64 UEFI', want: 'ipxe/riscv64/snponly.efi' },
  { code: 39, what: 'LoongArch 64 UEFI', want: 'ipxe/loong64/snponly.efi' },
];

describe('loaders', () => {
  for (const { code, what, want } of TABLE) {
    it(`option 93 = ${code} (${what}) gets ${want}`, () => {
      const system = systemOfCode(code);
      assert.ok(system);
      assert.deepEqual(chooseLoader(system, all), { kind: 'loader', file: { name: want, size: 1 } });
    });
  }

  for (const code of [1, 2, 3, 4, 5, 8, 12, 31, 33, 35, 65_535]) {
    it(`option 93 = ${code} has no loader`, () => assert.equal(systemOfCode(code), undefined));
  }

  it('takes the second best when the best is not there', () => {
    const only = new Map([['ipxe/x86_64/ipxe.efi', { name: 'ipxe/x86_64/ipxe.efi', size: 2 }]]);
    const choice = chooseLoader({ platform: 'uefi', architecture: 'x86_64', http: false }, only);
    assert.equal(choice.kind === 'loader' ? choice.file.name : choice.kind, 'ipxe/x86_64/ipxe.efi');
  });

  it('says what is missing and where to get it', () => {
    const choice = chooseLoader({ platform: 'bios', architecture: 'i386', http: false }, new Map());
    assert.ok(choice.kind === 'missing');
    assert.deepEqual(choice.wanted, ['ipxe/undionly.kpxe', 'ipxe/ipxe.pxe']);
    assert.match(choice.next, /apt install ipxe/);
  });

  it('says that there is none for a Raspberry Pi', () => {
    assert.equal(
      chooseLoader({ platform: 'raspberry-pi', architecture: 'arm64', http: false }, all).kind,
      'impossible',
    );
  });
});
