import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Loader,
  orderWith,
  outdated,
  readBootCsv,
  readEfibootmgr,
} from '#machines/agent/disks/decide/efi-boot.ts';

// As efibootmgr 17 of Debian 12 prints what OVMF has.
const OVMF = `BootCurrent: 0002
Timeout: 0 seconds
BootOrder: 0002,0003,0000,0001,0007
Boot0000* UiApp\tFvVol(7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1)/FvFile(462caa21-7614-4503-836e-8ab6f4662331)
Boot0001* UEFI Misc Device\tPciRoot(0x0)/Pci(0x3,0x0){auto_created_boot_option}
Boot0002* UEFI PXEv4 (MAC:525400000001)\tPciRoot(0x0)/Pci(0x2,0x0)/MAC(525400000001,1)/IPv4(0.0.0.00.0.0.0,0,0){auto_created_boot_option}
Boot0003* UEFI HTTPv4 (MAC:525400000001)\tPciRoot(0x0)/Pci(0x2,0x0)/MAC(525400000001,1)/IPv4(0.0.0.00.0.0.0,0,0)/Uri(){auto_created_boot_option}
Boot0007* debian\tHD(1,GPT,01234567-89ab-cdef-0123-456789abcdef,0x800,0x20000)/File(\\EFI\\debian\\shimx64.efi)
Boot0008  ingot: old\tHD(1,GPT,99999999-89ab-cdef-0123-456789abcdef,0x800,0x20000)/File(\\EFI\\BOOT\\BOOTX64.EFI)
MirroredPercentageAbove4G: 0.00
`;
const SHIM: Loader = {
  partition: 1,
  partitionGuid: '01234567-89AB-CDEF-0123-456789ABCDEF',
  file: '\\EFI\\debian\\shimx64.efi',
  removable: true,
};

describe('boot entries', () => {
  it('are read as efibootmgr prints them', () => {
    const { current, order, entries } = readEfibootmgr(OVMF);
    assert.equal(current, '0002');
    assert.deepEqual(order, ['0002', '0003', '0000', '0001', '0007']);
    assert.deepEqual(
      entries.map(({ number, label }) => [number, label]),
      [
        ['0000', 'UiApp'],
        ['0001', 'UEFI Misc Device'],
        ['0002', 'UEFI PXEv4 (MAC:525400000001)'],
        ['0003', 'UEFI HTTPv4 (MAC:525400000001)'],
        ['0007', 'debian'],
        ['0008', 'ingot: old'],
      ],
    );
  });

  it('of firmware that has none are none', () =>
    assert.deepEqual(readEfibootmgr('No BootOrder is set; firmware will attempt recovery\n'), {
      current: undefined,
      order: [],
      entries: [],
    }));

  it('of the same loader, and of our earlier installations, are outdated; others’ are not', () => {
    const numbers = (loader: Loader): readonly string[] =>
      outdated(readEfibootmgr(OVMF), loader).map(({ number }) => number);
    assert.deepEqual(numbers(SHIM), ['0007', '0008']);
    assert.deepEqual(numbers({ ...SHIM, partitionGuid: 'AAAAAAAA-89AB-CDEF-0123-456789ABCDEF' }), ['0008']);
  });

  for (const [what, order, want] of [
    ['behind the network entries that come first', ['0002', '0003', '0000', '0007'], '0002,0003,0009,0000,0007'],
    ['first where a disk came first', ['0007', '0002'], '0009,0007,0002'],
    ['last where all come from the network', ['0002', '0003'], '0002,0003,0009'],
    ['once though it is there', ['0009', '0002', '0000'], '0002,0009,0000'],
    ['alone', [], '0009'],
  ] as const) {
    it(`a new one stands ${what}`, () =>
      assert.equal(orderWith({ ...readEfibootmgr(OVMF), order }, '0009').join(','), want));
  }
});

describe('a BOOT*.CSV', () => {
  const wide = (text: string): Uint8Array => Buffer.from(text, 'utf16le');
  for (const [what, bytes, want] of [
    ['in UTF-16', wide('shimx64.efi,debian,,This is the boot entry for debian\n'), 'shimx64.efi'],
    ['with a byte order mark', wide('\ufeffshimx64.efi,Fedora,,x\r\n'), 'shimx64.efi'],
    ['in ASCII', Buffer.from('grubx64.efi,ubuntu\n'), 'grubx64.efi'],
    ['that names a path', wide('..\\evil.efi,x\n'), undefined],
    ['that is empty', new Uint8Array(0), undefined],
  ] as const) {
    it(`${what} names ${want ?? 'nothing'}`, () => assert.equal(readBootCsv(bytes)?.loader, want));
  }
});
