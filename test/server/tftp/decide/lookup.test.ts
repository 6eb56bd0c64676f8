import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mapName } from '#server/tftp/decide/lookup.ts';

/** `want` is `by value rest`, or nothing for a plain name. */
const CASES: readonly { readonly name: string; readonly path: string; readonly want?: string }[] = [
  { name: 'PXELINUX by MAC', path: 'pxelinux.cfg/01-52-54-00-ab-cd-ef', want: 'mac 52:54:00:ab:cd:ef pxelinux.cfg' },
  {
    name: 'U-Boot by MAC below the boot file’s directory',
    path: 'boot/pxelinux.cfg/01-DC-A6-32-00-00-01',
    want: 'mac dc:a6:32:00:00:01 boot/pxelinux.cfg',
  },
  {
    name: 'PXELINUX by UUID',
    path: 'pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d',
    want: 'uuid b8945908-d6a6-41a9-611d-74a6ab80b83d pxelinux.cfg',
  },
  { name: 'PXELINUX by address', path: 'pxelinux.cfg/C0A84D0C', want: 'ip 192.168.77.12 pxelinux.cfg' },
  { name: 'a shortened address is a network', path: 'pxelinux.cfg/C0A84D0' },
  { name: 'the default', path: 'pxelinux.cfg/default' },
  { name: 'U-Boot’s default of an architecture', path: 'pxelinux.cfg/default-arm-bcm283x-rpi' },
  { name: 'another hardware type than Ethernet', path: 'pxelinux.cfg/20-52-54-00-ab-cd-ef' },
  { name: 'GRUB by MAC', path: 'grub/grub.cfg-01-52-54-00-ab-cd-ef', want: 'mac 52:54:00:ab:cd:ef grub/grub.cfg' },
  {
    name: 'GRUB by UUID',
    path: 'grub.cfg-b8945908-d6a6-41a9-611d-74a6ab80b83d',
    want: 'uuid b8945908-d6a6-41a9-611d-74a6ab80b83d grub.cfg',
  },
  { name: 'GRUB by address', path: 'grub.cfg-0A000001', want: 'ip 10.0.0.1 grub.cfg' },
  { name: 'GRUB’s shortened address', path: 'grub.cfg-0A0000' },
  { name: 'GRUB’s plain file', path: 'grub/grub.cfg' },
  { name: 'Raspberry Pi by serial', path: '9f55bbfe/start4.elf', want: 'serial 9f55bbfe start4.elf' },
  {
    name: 'Raspberry Pi by MAC, deeper',
    path: 'dc-a6-32-01-02-03/overlays/x.dtbo',
    want: 'mac dc:a6:32:01:02:03 overlays/x.dtbo',
  },
  {
    name: 'a directory that is a MAC with colons',
    path: '52:54:00:00:00:01/undionly.kpxe',
    want: 'mac 52:54:00:00:00:01 undionly.kpxe',
  },
  { name: 'a serial as a file', path: '9f55bbfe' },
  { name: 'a serial in upper case, which no Pi sends', path: '9F55BBFE/start.elf' },
  { name: 'twelve hex digits may be anything', path: '525400abcdef/x' },
  { name: 'an ordinary file', path: 'ipxe.efi' },
];

for (const { name, path, want } of CASES) {
  test(`${name}: ${path}`, () => {
    const mapped = mapName(path);
    if (want === undefined) assert.deepEqual(mapped, { kind: 'plain', path });
    else {
      assert.equal(mapped.kind, 'machine');
      if (mapped.kind === 'machine') assert.equal(`${Object.values(mapped.key).join(' ')} ${mapped.rest}`, want);
    }
  });
}
