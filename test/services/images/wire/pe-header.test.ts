import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { kindOfLoader } from '#services/images/wire/pe-header.ts';
import { peFile } from '#test/server/http/world.ts';

describe('the header of a loader', () => {
  for (const [machine, architecture] of [
    [0x8664, 'x86_64'],
    [0x014c, 'i386'],
    [0xaa64, 'arm64'],
    [0x01c2, 'arm32'],
    [0x5064, 'riscv64'],
    [0x6264, 'loong64'],
  ] as const) {
    it(`PE machine 0x${machine.toString(16)} is ${architecture}`, () => {
      assert.deepEqual(kindOfLoader(peFile(machine)), { kind: 'efi', architecture });
    });
  }

  it('another processor is told by its number', () => {
    assert.deepEqual(kindOfLoader(peFile(0x0200)), { kind: 'efi-other', machine: 0x200 });
  });

  it('a Linux kernel with an EFI stub begins with MZ too', () => {
    assert.equal(kindOfLoader(peFile().subarray(0, 0x86)).kind, 'efi');
  });

  it('cut anywhere before its end it is no UEFI program', () => {
    const file = peFile();
    for (let length = 0; length < 0x86; length++) {
      assert.deepEqual(kindOfLoader(file.subarray(0, length)), { kind: 'other' }, String(length));
    }
  });

  it('any bytes are something', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, marked) => {
        if (marked) bytes.set([0x4d, 0x5a].slice(0, bytes.length));
        assert.ok(['efi', 'efi-other', 'other'].includes(kindOfLoader(bytes).kind));
      }),
    );
  });
});
