import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { type Ipv4, parseIpv4 } from '#machines/values/ip-address.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { chaddrOf, decodeDhcp4, EMPTY_DHCP4, encodeDhcp4, macOf } from '#server/dhcp4/wire/message.ts';
import { getOption, makeOptions } from '#server/dhcp4/wire/options.ts';

/** The codec inside the npm package `dhcp` 0.2.20, which was written by others and shares nothing with ours. */
type Foreign = {
  readonly parse: (bytes: Buffer) => ForeignMessage & { readonly magicCookie: number };
  readonly format: (message: ForeignMessage) => { readonly _data: Buffer; readonly _w: number };
};
type ForeignMessage = {
  readonly op: number;
  readonly htype: number;
  readonly hlen: number;
  readonly hops: number;
  readonly xid: number;
  readonly secs: number;
  readonly flags: number;
  readonly ciaddr: string;
  readonly yiaddr: string;
  readonly siaddr: string;
  readonly giaddr: string;
  readonly chaddr: string;
  readonly sname: string;
  readonly file: string;
  readonly options: Readonly<Record<number, unknown>>;
};

const foreign = createRequire(import.meta.url)('dhcp/lib/protocol.js') as Foreign;

const ip = (address: string): Ipv4 => sure(parseIpv4(address));
const server = ip('192.168.77.1');
const mac = sure(parseMacAddress('52:54:00:aa:bb:01'));

const fixed = {
  htype: 1,
  hlen: 6,
  hops: 1,
  xid: 0xdeadbeef,
  secs: 3,
  flags: 0x8000,
  ciaddr: ip('0.0.0.0'),
  yiaddr: ip('192.168.77.12'),
  siaddr: server,
  giaddr: ip('10.0.0.1'),
  sname: 'boot.lab.example',
  file: 'ipxe.efi',
};
const values = {
  messageType: 'OFFER',
  serverId: server,
  leaseSeconds: 3600,
  subnetMask: ip('255.255.255.0'),
  timeOffset: -3600,
  router: [server],
  domainNameServers: [server, ip('10.0.0.53')],
  hostName: 'node1',
  domainName: 'lab.example',
  rootPath: '/srv/root',
  interfaceMtu: 1400,
  broadcastAddress: ip('192.168.77.255'),
  ntpServers: [server],
  message: 'welcome',
  renewalSeconds: 1800,
  rebindingSeconds: 3150,
  vendorClass: 'PXEClient',
  tftpServerName: '192.168.77.1',
  bootFileName: 'ipxe.efi',
  subnetSelection: ip('192.168.77.0'),
} as const;
const asForeign = {
  53: 2,
  54: '192.168.77.1',
  51: 3600,
  1: '255.255.255.0',
  2: -3600,
  3: ['192.168.77.1'],
  6: ['192.168.77.1', '10.0.0.53'],
  12: 'node1',
  15: 'lab.example',
  17: '/srv/root',
  26: 1400,
  28: '192.168.77.255',
  42: ['192.168.77.1'],
  56: 'welcome',
  58: 1800,
  59: 3150,
  60: 'PXEClient',
  66: '192.168.77.1',
  67: 'ipxe.efi',
  118: '192.168.77.0',
};

describe('the codec of the npm package dhcp', () => {
  test('reads what we write', () => {
    const bytes = encodeDhcp4({ ...EMPTY_DHCP4, ...fixed, op: 2, chaddr: chaddrOf(mac), options: makeOptions(values) });
    const { options, magicCookie, ...rest } = foreign.parse(Buffer.from(bytes));
    assert.equal(magicCookie, 0x63825363);
    assert.deepEqual(rest, { ...fixed, op: 2, chaddr: '52-54-00-AA-BB-01' });
    assert.deepEqual(options, asForeign);
  });

  test('writes what we read', () => {
    const { _data, _w } = foreign.format({ ...fixed, op: 2, chaddr: '52-54-00-AA-BB-01', options: asForeign });
    const result = decodeDhcp4(_data.subarray(0, _w));
    assert.ok(result.kind === 'message');
    assert.deepEqual(result.notes, []);
    const { options, chaddr: _, ...rest } = result.message;
    assert.deepEqual(rest, { ...fixed, op: 2 });
    assert.equal(macOf(result.message), mac);
    for (const [name, value] of Object.entries(values)) {
      assert.deepEqual(getOption(options, name as keyof typeof values), value, name);
    }
  });
});
