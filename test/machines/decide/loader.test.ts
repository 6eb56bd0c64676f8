import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseLoader, hasSecureBoot, LOADER_NAMES, type LoaderFile } from '#machines/decide/loader.ts';
import { systemOfCode } from '#machines/values/architecture.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';

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

  const X64 = { platform: 'uefi', architecture: 'x86_64', http: false } as const;
  const chosen = (names: readonly string[], secureBoot: boolean) => {
    const available = new Map([...all].filter(([name]) => names.some((one) => name.endsWith(one))));
    const choice = chooseLoader(X64, available, { secureBoot });
    return choice.kind === 'loader' ? choice.file.name : choice.kind;
  };

  it('puts the signed chain first where Secure Boot is on, and last elsewhere', () => {
    const both = ['x86_64/snponly.efi', 'shimx64.efi', 'grubx64.efi'];
    assert.equal(chosen(both, true), 'grub/x86_64/shimx64.efi');
    assert.equal(chosen(both, false), 'ipxe/x86_64/snponly.efi');
    assert.equal(chosen(['shimx64.efi', 'grubx64.efi'], false), 'grub/x86_64/shimx64.efi');
  });

  it('offers no half of the signed chain', () => {
    assert.equal(chosen(['x86_64/snponly.efi', 'shimx64.efi'], true), 'ipxe/x86_64/snponly.efi');
    assert.equal(chosen(['grubx64.efi'], true), 'missing');
  });

  it('takes an operator’s word for Secure Boot before what the agent found', () => {
    const machine = (found: boolean | undefined, labels: Readonly<Record<string, string>> = {}) =>
      sampleMachine(
        { name: 'r1-u1', macs: ['52:54:00:00:00:01'], labels },
        found === undefined ? {} : { facts: { 'secure-boot': { value: found, at: 1, source: 'agent' } } },
      );
    const label = 'ingot/secure-boot';
    assert.deepEqual(
      [machine(undefined), machine(true), machine(true, { [label]: 'false' }), machine(false, { [label]: 'true' })].map(
        hasSecureBoot,
      ),
      [false, true, false, true],
    );
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
