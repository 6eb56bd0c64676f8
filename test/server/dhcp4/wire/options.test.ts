import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Ipv4, parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import {
  codeOf,
  DHCP4_OPTIONS,
  type OptionName,
  optionOfCode,
  type OptionValues,
} from '#server/dhcp4/wire/option-table.ts';
import {
  getOption,
  hasOption,
  makeOptions,
  NO_OPTIONS,
  rawOption,
  withEchoed,
  withOption,
  withoutOption,
  withRawOption,
} from '#server/dhcp4/wire/options.ts';
import { text } from './datagram.ts';

const ip = (address: string): Ipv4 => sure(parseIpv4(address));
const SERVER = ip('192.168.77.1');

type Row = { readonly [N in OptionName]: readonly [OptionName: N, value: OptionValues[N], bytes: readonly number[]] };

/** One line for each simple shape; the forms with a file of their own are tested beside it. */
const SIMPLE: readonly Row[OptionName][] = [
  ['subnetMask', ip('255.255.255.0'), [255, 255, 255, 0]],
  ['timeOffset', -3600, [0xff, 0xff, 0xf1, 0xf0]],
  ['router', [SERVER, ip('10.0.0.9')], [192, 168, 77, 1, 10, 0, 0, 9]],
  ['timeServers', [SERVER], [192, 168, 77, 1]],
  ['domainNameServers', [SERVER], [192, 168, 77, 1]],
  ['logServers', [SERVER], [192, 168, 77, 1]],
  ['hostName', 'node1', text('node1')],
  ['bootFileSize', 0x1234, [0x12, 0x34]],
  ['domainName', 'lab.example', text('lab.example')],
  ['rootPath', '/srv/root', text('/srv/root')],
  ['interfaceMtu', 1400, [5, 120]],
  ['broadcastAddress', ip('192.168.77.255'), [192, 168, 77, 255]],
  ['ntpServers', [SERVER], [192, 168, 77, 1]],
  ['vendorInformation', Uint8Array.of(6, 1, 8, 255), [6, 1, 8, 255]],
  ['requestedAddress', SERVER, [192, 168, 77, 1]],
  ['leaseSeconds', 0xffff_ffff, [255, 255, 255, 255]],
  ['messageType', 'INFORM', [8]],
  ['serverId', SERVER, [192, 168, 77, 1]],
  ['parameterRequestList', Uint8Array.of(1, 3, 6), [1, 3, 6]],
  ['message', 'no such lease', text('no such lease')],
  ['maxMessageSize', 1472, [5, 0xc0]],
  ['renewalSeconds', 300, [0, 0, 1, 44]],
  ['rebindingSeconds', 525, [0, 0, 2, 13]],
  ['vendorClass', 'PXEClient', text('PXEClient')],
  ['clientId', Uint8Array.of(1, 0x52, 0x54), [1, 0x52, 0x54]],
  ['tftpServerName', '192.168.77.1', text('192.168.77.1')],
  ['bootFileName', 'ipxe.efi', text('ipxe.efi')],
  ['rapidCommit', true, []],
  ['clientArchitecture', [7, 16], [0, 7, 0, 16]],
  ['clientInterface', { type: 1, major: 3, minor: 16 }, [1, 3, 16]],
  ['ipv6OnlyWaitSeconds', 1800, [0, 0, 7, 8]],
  ['subnetSelection', SERVER, [192, 168, 77, 1]],
  ['tftpServers', [SERVER], [192, 168, 77, 1]],
  ['iscsiInitiator', 'iqn.2010-04.org.ipxe:node1', text('iqn.2010-04.org.ipxe:node1')],
  ['pxelinuxMagic', Uint8Array.of(0xf1, 0, 0x74, 0x7e), [0xf1, 0, 0x74, 0x7e]],
  ['pxelinuxConfigFile', 'node1.cfg', text('node1.cfg')],
  ['pxelinuxPathPrefix', '/boot/', text('/boot/')],
  ['pxelinuxRebootSeconds', 30, [0, 0, 0, 30]],
];

/** Text and bytes; all others have one size or a multiple of it. */
const ANY_LENGTH: readonly OptionName[] = [
  'hostName',
  'domainName',
  'rootPath',
  'vendorInformation',
  'parameterRequestList',
  'message',
  'vendorClass',
  'clientId',
  'tftpServerName',
  'bootFileName',
  'iscsiInitiator',
  'pxelinuxConfigFile',
  'pxelinuxPathPrefix',
];

const OWN_FORM: readonly OptionName[] = [
  'userClass',
  'clientFqdn',
  'relayInformation',
  'clientMachineId',
  'domainSearch',
  'classlessRoutes',
  'microsoftRoutes',
  'vendorIdentifyingClass',
  'vendorIdentifyingInformation',
  'ipxe',
];

describe('the table of options', () => {
  test('covers every option that the protocols here use', () => {
    const wanted = [
      1, 2, 3, 4, 6, 7, 12, 13, 15, 17, 26, 28, 42, 43, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 66, 67, 77, 80,
      81, 82, 93, 94, 97, 108, 118, 119, 121, 124, 125, 150, 175, 203, 208, 209, 210, 211, 249,
    ];
    const codes = Object.values(DHCP4_OPTIONS).map(({ code }) => code);
    assert.deepEqual(
      codes.toSorted((one, other) => one - other),
      wanted,
    );
    assert.equal(optionOfCode(82)?.name, 'relayInformation');
    assert.equal(optionOfCode(128), undefined);
  });

  test('has each option in one of the two lists tested', () => {
    const tested = [...SIMPLE.map(([name]) => name), ...OWN_FORM, 'overload'];
    assert.deepEqual(tested.toSorted(), Object.keys(DHCP4_OPTIONS).toSorted());
  });
});

for (const [name, value, bytes] of SIMPLE) {
  test(`${name} is written to its bytes and read back`, () => {
    const options = makeOptions({ [name]: value });
    assert.deepEqual([...(rawOption(options, codeOf(name)) ?? [])], bytes);
    assert.deepEqual(getOption(options, name), value);
  });

  const anyLength = ANY_LENGTH.includes(name);
  test(`${name} with a byte too many or too few is ${anyLength ? 'read' : 'not read'}`, () => {
    for (const length of [bytes.length - 1, bytes.length + 1].filter((one) => one >= 0)) {
      const options = withRawOption(NO_OPTIONS, codeOf(name), new Uint8Array(length).fill(1));
      assert.equal(getOption(options, name) !== undefined, anyLength, `${length} bytes`);
    }
  });
}

describe('options', () => {
  test('are set in place, added at the end, and taken away', () => {
    const options = makeOptions({ messageType: 'OFFER', leaseSeconds: 60, domainName: 'a' });
    const codes = (list: typeof options) => list.map(({ code }) => code);
    assert.deepEqual(codes(withOption(options, 'leaseSeconds', 90)), [53, 51, 15]);
    assert.equal(getOption(withOption(options, 'leaseSeconds', 90), 'leaseSeconds'), 90);
    assert.equal(getOption(options, 'leaseSeconds'), 60, 'the given list is not changed');
    assert.deepEqual(codes(withOption(options, 'router', [SERVER])), [53, 51, 15, 3]);
    assert.deepEqual(codes(withoutOption(options, 51)), [53, 15]);
    assert.equal(hasOption(options, 51), true);
    assert.equal(hasOption(withOption(options, 'leaseSeconds', undefined), 51), false);
  });

  test('with nothing in them are left out', () => {
    assert.deepEqual(makeOptions({ router: [], domainName: '', hostName: undefined, domainSearch: [] }), []);
    assert.deepEqual(withOption(makeOptions({ router: [SERVER] }), 'router', []), []);
  });

  test('are echoed byte for byte, in place of what was there', () => {
    const request = [
      ...withRawOption(NO_OPTIONS, 61, Uint8Array.of(9)),
      ...withRawOption(NO_OPTIONS, 82, Uint8Array.of(1, 0, 255, 0)),
    ];
    const reply = withEchoed(makeOptions({ clientId: Uint8Array.of(1, 2), messageType: 'ACK' }), request, [
      'clientId',
      'clientMachineId',
      'relayInformation',
    ]);
    assert.deepEqual(
      reply.map(({ code }) => code),
      [61, 53, 82],
    );
    assert.deepEqual(rawOption(reply, 61), Uint8Array.of(9));
    assert.deepEqual(rawOption(reply, 82), Uint8Array.of(1, 0, 255, 0));
  });

  test('throw for a number that a bug made too large', () => {
    assert.throws(() => makeOptions({ interfaceMtu: 65_536 }), RangeError);
    assert.throws(() => makeOptions({ leaseSeconds: -1 }), RangeError);
    assert.throws(() => makeOptions({ leaseSeconds: 0.5 }), RangeError);
  });
});

describe('text', () => {
  const read = (bytes: readonly number[]) =>
    getOption(withRawOption(NO_OPTIONS, 12, Uint8Array.from(bytes)), 'hostName');

  test('loses the NULs that many clients put at its end, and only those', () => {
    assert.equal(read([...text('node1'), 0]), 'node1');
    assert.equal(read([...text('a'), 0, ...text('b'), 0, 0]), 'a\0b');
    assert.equal(read([0]), '');
  });

  test('is UTF-8, and where it is not, one character for each byte', () => {
    assert.equal(read(text('nœud')), 'nœud');
    assert.equal(read([0x6e, 0xf8]), 'nø');
  });
});

test('a client id of one byte and text of none are not read', () => {
  assert.equal(getOption(withRawOption(NO_OPTIONS, 61, Uint8Array.of(1)), 'clientId'), undefined);
  assert.equal(getOption(withRawOption(NO_OPTIONS, 12, new Uint8Array(0)), 'hostName'), undefined);
});

test('a message type that is not one of the eight is there but not read', () => {
  for (const type of [0, 9, 10, 255]) {
    const options = withRawOption(NO_OPTIONS, 53, Uint8Array.of(type));
    assert.equal(getOption(options, 'messageType'), undefined);
    assert.equal(hasOption(options, 53), true);
  }
});
