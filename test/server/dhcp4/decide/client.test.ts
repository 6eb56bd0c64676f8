import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { identifyClient } from '#server/dhcp4/decide/client.ts';
import type { OptionValues } from '#server/dhcp4/wire/option-table.ts';
import { messageOf } from '../wire/datagram.ts';
import { clientMessage, mac } from '../world.ts';
import { MAC } from './question.ts';

const pxe = (arch: string): OptionValues => ({ vendorClass: `PXEClient:Arch:${arch}:UNDI:003000` });
const PI = mac('dc:a6:32:00:00:01');

/** The marks of each firmware: facts sheet of PXE, UEFI HTTP Boot, iPXE, U-Boot and the Raspberry Pi. */
const ROWS: readonly {
  readonly name: string;
  readonly mac?: typeof MAC;
  readonly values: OptionValues;
  readonly want: {
    readonly kind: string;
    readonly archCode?: number | undefined;
    readonly system?: string | undefined;
  };
}[] = [
  { name: 'nothing said', values: {}, want: { kind: 'os' } },
  { name: 'dhclient', values: { vendorClass: 'dhcpcd-9.4.1' }, want: { kind: 'os' } },
  { name: 'another vendor’s class', values: { vendorClass: 'MSFT 5.0' }, want: { kind: 'os' } },
  {
    name: 'BIOS',
    values: { ...pxe('00000'), clientArchitecture: [0] },
    want: { kind: 'pxe', archCode: 0, system: 'bios i386' },
  },
  {
    name: 'UEFI x64',
    values: { ...pxe('00007'), clientArchitecture: [7] },
    want: { kind: 'pxe', archCode: 7, system: 'uefi x86_64' },
  },
  {
    name: 'UEFI x64 as RFC 4578 printed it',
    values: { ...pxe('00009'), clientArchitecture: [9] },
    want: { kind: 'pxe', archCode: 9, system: 'uefi x86_64' },
  },
  {
    name: 'UEFI arm64',
    values: { ...pxe('00011'), clientArchitecture: [11] },
    want: { kind: 'pxe', archCode: 11, system: 'uefi arm64' },
  },
  {
    name: 'the first architecture that is known',
    values: { ...pxe('00007'), clientArchitecture: [3, 7] },
    want: { kind: 'pxe', archCode: 7, system: 'uefi x86_64' },
  },
  {
    name: 'option 93 over the text in 60',
    values: { ...pxe('00000'), clientArchitecture: [7] },
    want: { kind: 'pxe', archCode: 7, system: 'uefi x86_64' },
  },
  {
    name: 'the text in 60 where 93 is missing',
    values: pxe('00007'),
    want: { kind: 'pxe', archCode: 7, system: 'uefi x86_64' },
  },
  {
    name: 'an old ROM that names no architecture',
    values: { vendorClass: 'PXEClient' },
    want: { kind: 'pxe', archCode: 0, system: 'bios i386' },
  },
  {
    name: 'Itanium',
    values: { ...pxe('00002'), clientArchitecture: [2] },
    want: { kind: 'pxe', archCode: 2, system: undefined },
  },
  {
    name: 'UEFI HTTP Boot',
    values: { vendorClass: 'HTTPClient:Arch:00016:UNDI:003000', clientArchitecture: [16] },
    want: { kind: 'http', archCode: 16, system: 'uefi x86_64' },
  },
  {
    name: 'iPXE by its raw user class',
    values: { ...pxe('00007'), clientArchitecture: [7], userClass: { form: 'raw', classes: ['iPXE'] } },
    want: { kind: 'ipxe', archCode: 7, system: 'uefi x86_64' },
  },
  {
    name: 'iPXE by a list of user classes',
    values: { ...pxe('00000'), userClass: { form: 'list', classes: ['iPXE'] } },
    want: { kind: 'ipxe', archCode: 0, system: 'bios i386' },
  },
  {
    name: 'an iPXE with another name, by its features',
    values: { ...pxe('00000'), userClass: { form: 'raw', classes: ['acme'] }, ipxe: { features: { http: 1 } } },
    want: { kind: 'ipxe', archCode: 0, system: 'bios i386' },
  },
  {
    name: 'iPXE that was loaded by HTTP Boot',
    values: { vendorClass: 'HTTPClient:Arch:00016:UNDI:003010', ipxe: { features: { http: 1 } } },
    want: { kind: 'ipxe', archCode: 16, system: 'uefi x86_64' },
  },
  {
    name: 'gPXE',
    values: { ...pxe('00000'), userClass: { form: 'raw', classes: ['gPXE'] } },
    want: { kind: 'ipxe', archCode: 0, system: 'bios i386' },
  },
  {
    name: 'Windows with its own user class',
    values: { vendorClass: 'MSFT 5.0', userClass: { form: 'raw', classes: ['RRAS'] } },
    want: { kind: 'os' },
  },
  {
    name: 'U-Boot',
    values: { vendorClass: 'U-Boot.armv8', clientArchitecture: [22] },
    want: { kind: 'u-boot', archCode: 22, system: 'u-boot arm64' },
  },
  {
    name: 'U-Boot that calls itself a PXE client',
    values: { ...pxe('00022'), clientArchitecture: [22] },
    want: { kind: 'u-boot', archCode: 22, system: 'u-boot arm64' },
  },
  {
    name: 'a Raspberry Pi by its maker’s address',
    mac: PI,
    values: { vendorClass: 'PXEClient:Arch:00000:UNDI:002001', clientArchitecture: [0] },
    want: { kind: 'raspberry-pi', archCode: 0, system: 'bios i386' },
  },
  {
    name: 'a Raspberry Pi by what stands in place of a UUID',
    values: {
      vendorClass: 'PXEClient:Arch:00000:UNDI:002001',
      clientMachineId: { type: 0, id: new TextEncoder().encode('RPi4rev-mac-seri') },
    },
    want: { kind: 'raspberry-pi', archCode: 0, system: 'bios i386' },
  },
  {
    name: 'a Raspberry Pi under UEFI firmware',
    mac: PI,
    values: { ...pxe('00011'), clientArchitecture: [11] },
    want: { kind: 'pxe', archCode: 11, system: 'uefi arm64' },
  },
  {
    name: 'arm rpiboot',
    values: { ...pxe('00041'), clientArchitecture: [41] },
    want: { kind: 'raspberry-pi', archCode: 41, system: 'raspberry-pi arm64' },
  },
];

describe('a client is recognised', () => {
  for (const { name, mac: address = MAC, values, want } of ROWS) {
    test(`${name}: ${want.kind}`, () => {
      const { kind, archCode, system } = identifyClient(clientMessage(address, values));
      const got = { kind, archCode, system: system && `${system.platform} ${system.architecture}` };
      assert.deepEqual(got, { archCode: undefined, system: undefined, ...want });
    });
  }

  for (const [file, kind] of [
    ['ovmf-discover', 'pxe'],
    ['ovmf-request-boot-server', 'pxe'],
    ['ovmf-http-discover', 'http'],
    ['aavmf-discover', 'pxe'],
    ['aavmf-http-discover', 'http'],
    ['ipxe-discover', 'ipxe'],
    ['ipxe-arm64-discover', 'ipxe'],
    ['udhcpc-discover', 'os'],
    ['dhclient-discover', 'os'],
    ['dhcpcd-discover', 'os'],
  ] as const) {
    test(`the captured ${file} is ${kind}`, () => {
      const bytes = readFileSync(new URL(`../../../golden/dhcp4/${file}.bin`, import.meta.url));
      assert.equal(identifyClient(messageOf(bytes)).kind, kind);
    });
  }
});

test('a Raspberry Pi is known by each of its maker’s prefixes', () => {
  for (const prefix of ['b8:27:eb', 'dc:a6:32', 'e4:5f:01', '28:cd:c1', 'd8:3a:dd', '2c:cf:67', '88:a2:9e']) {
    const message = clientMessage(mac(`${prefix}:00:00:01`), {
      vendorClass: 'PXEClient:Arch:00000:UNDI:002001',
      clientArchitecture: [0],
    });
    assert.equal(identifyClient(message).kind, 'raspberry-pi', prefix);
  }
});

describe('what else a packet tells of its client', () => {
  const id = (hex: string): OptionValues => ({
    ...pxe('00007'),
    clientMachineId: { type: 0, id: Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)) },
  });

  test('its UUID, as SMBIOS tools show it', () => {
    const { uuid } = identifyClient(clientMessage(MAC, id('785634123412785 69abcdef012345678'.replace(' ', ''))));
    assert.equal(uuid, '12345678-1234-5678-9abc-def012345678');
  });

  test('no UUID where the vendor never set one', () => {
    for (const hex of ['00'.repeat(16), 'ff'.repeat(16)]) {
      assert.equal(identifyClient(clientMessage(MAC, id(hex))).uuid, undefined);
    }
  });

  test('what an iPXE can fetch', () => {
    const features = (of: OptionValues['ipxe']) =>
      identifyClient(clientMessage(MAC, { ...pxe('00000'), ipxe: of, userClass: { form: 'raw', classes: ['iPXE'] } }))
        .ipxe;
    assert.deepEqual(features({ features: { http: 1, https: 1 } }), { http: true, https: true });
    assert.deepEqual(features({ features: { tftp: 1 } }), { http: false, https: false });
    assert.deepEqual(features(undefined), { http: true, https: false });
  });
});
