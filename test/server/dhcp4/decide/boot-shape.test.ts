import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { BootFile } from '#server/dhcp4/decide/boot-file.ts';
import { encodeReply, limitsFor } from '#server/dhcp4/decide/reply.ts';
import { identifyClient } from '#server/dhcp4/decide/client.ts';
import { droppedToFit, decodeDhcp4, type Dhcp4Message } from '#server/dhcp4/wire/message.ts';
import type { OptionValues } from '#server/dhcp4/wire/option-table.ts';
import { getOption, rawOption } from '#server/dhcp4/wire/options.ts';
import { writePxeOptions } from '#server/dhcp4/wire/pxe-options.ts';
import { ROOT } from '#test/project/source-files.ts';
import { messageOf } from '../wire/datagram.ts';
import { clientMessage, ip, mac, subnetOf } from '../world.ts';
import { BROADCAST, decide, LINK, MAC, replyOf, SERVER, type Situation, silenceOf, unicastFrom } from './question.ts';

const UUID = Uint8Array.from({ length: 16 }, (_, index) => index);
const UEFI: OptionValues = {
  vendorClass: 'PXEClient:Arch:00007:UNDI:003000',
  clientArchitecture: [7],
  clientMachineId: { type: 0, id: UUID },
  maxMessageSize: 1472,
  parameterRequestList: Uint8Array.of(
    1,
    2,
    3,
    4,
    5,
    6,
    12,
    13,
    15,
    17,
    18,
    22,
    23,
    28,
    40,
    41,
    42,
    43,
    50,
    51,
    54,
    58,
    59,
    60,
    66,
    67,
    97,
    128,
    129,
    130,
    131,
    132,
    133,
    134,
    135,
  ),
};
const HTTP: OptionValues = { ...UEFI, vendorClass: 'HTTPClient:Arch:00016:UNDI:003000', clientArchitecture: [16] };
const IPXE: OptionValues = { ...UEFI, userClass: { form: 'raw', classes: ['iPXE'] }, ipxe: { features: { http: 1 } } };

const file = (name: string | undefined): BootFile => ({ kind: 'file', name, because: 'profile live' });
const LOADER = file('ipxe/x86_64/snponly.efi');
const URL = file('http://192.168.77.1:8080/ipxe/x86_64/snponly.efi');
const SCRIPT = file('http://192.168.77.1:8080/a/AAAAAAAAAAAAAAAAAAAAAA/boot.ipxe');

const PROXY: Situation = { arrival: { ...BROADCAST, link: { ...LINK, mode: 'proxy' } } };
const BOOT_SERVER: Situation = { arrival: unicastFrom(ip('192.168.77.30'), { plane: 'boot-server', port: 4011 }) };

const answer = (
  values: OptionValues,
  situation: Situation,
  type: 'DISCOVER' | 'REQUEST' = 'DISCOVER',
): Dhcp4Message => {
  const more: OptionValues = type === 'REQUEST' ? { serverId: SERVER, requestedAddress: ip('192.168.77.100') } : {};
  return replyOf(decide(clientMessage(MAC, { messageType: type, ...more, ...values }), situation)).message;
};
const option43 = ({ options }: Dhcp4Message) => rawOption(options, 43) && [...(rawOption(options, 43) ?? [])];

describe('the shape for PXE firmware', () => {
  for (const type of ['DISCOVER', 'REQUEST'] as const) {
    test(`${type}: server and name stand everywhere a ROM may look, and 43.6 says to load at once`, () => {
      const message = answer(UEFI, { boot: LOADER }, type);
      assert.equal(message.siaddr, SERVER);
      assert.equal(message.sname, SERVER);
      assert.equal(message.file, 'ipxe/x86_64/snponly.efi');
      assert.equal(getOption(message.options, 'bootFileName'), 'ipxe/x86_64/snponly.efi');
      assert.equal(getOption(message.options, 'tftpServerName'), SERVER);
      assert.equal(getOption(message.options, 'vendorClass'), 'PXEClient');
      assert.deepEqual(option43(message), [6, 1, 8, 255]);
      assert.deepEqual([...(rawOption(message.options, 97) ?? [])], [0, ...UUID]);
      assert.equal(rawOption(message.options, 13), undefined, 'EDK2 trusts 13 as the size of the file');
      assert.equal(message.yiaddr, '192.168.77.100');
    });
  }

  test('OFFER and ACK differ in their type alone', () => {
    const boot = ({ siaddr, sname, file: name, options }: Dhcp4Message) => ({
      siaddr,
      sname,
      name,
      options: options
        .filter(({ code }) => code !== 53)
        .map(({ code, bytes, start, end }) => [code, ...bytes.subarray(start, end)]),
    });
    assert.deepEqual(boot(answer(UEFI, { boot: LOADER })), boot(answer(UEFI, { boot: LOADER }, 'REQUEST')));
  });

  test('firmware without anything to boot gets a plain lease', () => {
    const message = answer(UEFI, {});
    assert.equal(message.yiaddr, '192.168.77.100');
    assert.equal(message.file, '');
    assert.equal(message.siaddr, '0.0.0.0');
    for (const code of [43, 60, 66, 67]) assert.equal(rawOption(message.options, code), undefined, String(code));
  });

  test('it is never overloaded, and never longer than what the client takes', () => {
    const subnet = subnetOf({
      cidr: '192.168.77.0/24',
      pools: ['192.168.77.100-192.168.77.102'],
      dns: Array.from({ length: 60 }, (_, index) => `10.0.0.${index + 1}`),
      domain: 'x'.repeat(200),
    });
    for (const size of [576, 1472, 65_280, undefined]) {
      const { maxMessageSize: _, ...rest } = UEFI;
      const asked = clientMessage(MAC, {
        messageType: 'DISCOVER',
        ...rest,
        ...(size === undefined ? {} : { maxMessageSize: size }),
      });
      const reply = replyOf(decide(asked, { boot: LOADER, subnets: [subnet] }));
      const question = { message: asked, client: identifyClient(asked) };
      const bytes = encodeReply(question, reply);
      assert.ok(bytes.length <= Math.min(Math.max(size ?? 576, 576), 1500) - 28, `${bytes.length} bytes at ${size}`);
      const decoded = decodeDhcp4(bytes);
      assert.ok(decoded.kind === 'message');
      assert.equal(decoded.message.file, 'ipxe/x86_64/snponly.efi', 'the name is in its field');
      assert.equal(getOption(decoded.message.options, 'bootFileName'), 'ipxe/x86_64/snponly.efi');
      for (const code of droppedToFit(reply.message, limitsFor(question)))
        assert.ok(![53, 54, 51, 1, 3, 43, 60, 67, 97].includes(code), String(code));
    }
  });
});

describe('the shape for UEFI HTTP Boot', () => {
  for (const [mode, situation] of [
    ['server', {}],
    ['proxy', PROXY],
  ] as const) {
    test(`${mode} mode: HTTPClient is echoed, the URL stands in 67, and nothing of PXE`, () => {
      const message = answer(HTTP, { ...situation, boot: URL });
      assert.equal(getOption(message.options, 'vendorClass'), 'HTTPClient');
      assert.equal(getOption(message.options, 'bootFileName'), 'http://192.168.77.1:8080/ipxe/x86_64/snponly.efi');
      assert.equal(rawOption(message.options, 43), undefined);
      assert.equal(message.yiaddr, mode === 'server' ? '192.168.77.100' : '0.0.0.0');
    });
  }

  test('a URL that is too long for its field stands in 67 alone', () => {
    const long = file(`http://192.168.77.1:8080/${'x'.repeat(120)}`);
    const message = answer(HTTP, { boot: long });
    assert.equal(message.file, '');
    assert.equal(getOption(message.options, 'bootFileName'), long.kind === 'file' ? long.name : '');
  });
});

describe('the shape for iPXE', () => {
  test('as the only server: the script, and no wait for a proxy; not a word of PXEClient', () => {
    const message = answer(IPXE, { boot: SCRIPT });
    assert.equal(message.file, SCRIPT.kind === 'file' ? SCRIPT.name : '');
    assert.equal(getOption(message.options, 'bootFileName'), message.file);
    assert.deepEqual([...(rawOption(message.options, 175) ?? [])], [176, 1, 1]);
    assert.equal(rawOption(message.options, 60), undefined);
    assert.equal(rawOption(message.options, 43), undefined);
  });

  test('as a proxy: PXEClient with 43.6, so that it is taken as one and needs no port 4011; no menu', () => {
    const message = answer(IPXE, { ...PROXY, boot: SCRIPT });
    assert.equal(getOption(message.options, 'vendorClass'), 'PXEClient');
    assert.deepEqual(option43(message), [6, 1, 8, 255]);
    assert.equal(rawOption(message.options, 175), undefined);
    assert.equal(message.siaddr, SERVER);
  });
});

describe('the shape for a Raspberry Pi', () => {
  test('the text it looks for, byte for byte, and the server', () => {
    const asked = clientMessage(mac('b8:27:eb:00:00:01'), {
      messageType: 'DISCOVER',
      vendorClass: 'PXEClient:Arch:00000:UNDI:002001',
      clientArchitecture: [0],
    });
    const { message } = replyOf(decide(asked, { boot: file(undefined) }));
    const text = [...new TextEncoder().encode('Raspberry Pi Boot')];
    assert.deepEqual(option43(message), [6, 1, 3, 10, 4, 0, 0x50, 0x58, 0x45, 9, 0x14, 0, 0, 0x11, ...text, 255]);
    assert.equal(message.siaddr, SERVER);
    assert.equal(getOption(message.options, 'tftpServerName'), SERVER);
    assert.equal(getOption(message.options, 'vendorClass'), 'PXEClient');
    assert.equal(message.file, '');
  });
});

describe('the shape for U-Boot', () => {
  test('the server, in siaddr and as text', () => {
    const message = answer({ vendorClass: 'U-Boot.armv8', clientArchitecture: [22] }, { boot: file(undefined) });
    assert.equal(message.siaddr, SERVER);
    assert.equal(getOption(message.options, 'tftpServerName'), SERVER);
    assert.equal(rawOption(message.options, 67), undefined);
  });
});

describe('a proxy on port 67', () => {
  test('offers no address, no lease time, no mask, no router', () => {
    const message = answer(UEFI, { ...PROXY, boot: LOADER });
    assert.equal(message.yiaddr, '0.0.0.0');
    for (const code of [1, 3, 6, 51]) assert.equal(rawOption(message.options, code), undefined, String(code));
    assert.equal(message.siaddr, SERVER);
    assert.equal(getOption(message.options, 'serverId'), SERVER);
    assert.equal(getOption(message.options, 'vendorClass'), 'PXEClient');
    assert.deepEqual(option43(message), [6, 1, 8, 255]);
    assert.deepEqual([...(rawOption(message.options, 97) ?? [])], [0, ...UUID]);
  });

  test('leaves 43 out for a machine that is labelled so: its firmware then asks at port 4011', () => {
    assert.equal(option43(answer(UEFI, { ...PROXY, boot: LOADER, noOption43: true })), undefined);
    assert.equal(option43(answer(UEFI, { ...BOOT_SERVER, boot: LOADER, noOption43: true }, 'REQUEST')), undefined);
    assert.deepEqual(
      option43(answer(UEFI, { boot: LOADER, noOption43: true })),
      [6, 1, 8, 255],
      'a full server has no rival offer to lose',
    );
  });

  const silent = (
    values: OptionValues,
    situation: Situation = {},
    type: 'DISCOVER' | 'REQUEST' | 'DECLINE' | 'RELEASE' | 'INFORM' = 'DISCOVER',
  ) =>
    silenceOf(decide(clientMessage(MAC, { messageType: type, ...values }), { ...PROXY, boot: LOADER, ...situation }))
      .code;

  test('says nothing to an operating system', () => assert.equal(silent({}), 'not-a-netboot-client'));
  test('says nothing to a machine that is not to be booted', () =>
    assert.equal(silent(UEFI, { boot: { kind: 'none', code: 'no-boot-file', because: 'own disk' } }), 'no-boot-file'));
  test('says nothing to a REQUEST that names the DHCP server', () =>
    assert.equal(
      silent({ ...UEFI, serverId: ip('192.168.77.9'), requestedAddress: ip('192.168.77.30') }, {}, 'REQUEST'),
      'other-server',
    ));
  test('says nothing to a renewal', () => assert.equal(silent(UEFI, {}, 'REQUEST'), 'other-server'));
  for (const type of ['DECLINE', 'RELEASE', 'INFORM'] as const)
    test(`says nothing to ${type}`, () => assert.equal(silent(UEFI, {}, type), 'ignored'));

  test('says nothing to a REQUEST for an address that a DHCP server on this very host offered', () =>
    assert.equal(
      silent({ ...UEFI, serverId: SERVER, requestedAddress: ip('192.168.77.30') }, {}, 'REQUEST'),
      'other-server',
    ));

  test('acknowledges a REQUEST that names the proxy itself, and no address', () => {
    const asked = clientMessage(MAC, { messageType: 'REQUEST', ...UEFI, serverId: SERVER });
    const { message } = replyOf(decide(asked, { ...PROXY, boot: LOADER }));
    assert.equal(getOption(message.options, 'messageType'), 'ACK');
    assert.equal(message.yiaddr, '0.0.0.0');
  });

  test('answers boot server discovery, and echoes which item was asked for', () => {
    const bootItem = { type: 0x8000, layer: 0 };
    const asked = clientMessage(MAC, {
      messageType: 'REQUEST',
      ...UEFI,
      vendorInformation: writePxeOptions({ bootItem }),
    });
    const { message } = replyOf(decide(asked, { ...PROXY, boot: LOADER }));
    assert.deepEqual(option43(message), [71, 4, 0x80, 0, 0, 0, 255]);
    assert.equal(message.file, 'ipxe/x86_64/snponly.efi');
  });

  test('answers through a relay as well, to giaddr', () => {
    const subnet = subnetOf({ cidr: '10.1.0.0/24', mode: 'proxy' });
    const asked = clientMessage(MAC, { messageType: 'DISCOVER', ...UEFI }, { giaddr: ip('10.1.0.1') });
    const { to, message } = replyOf(
      decide(asked, { subnets: [subnet], boot: LOADER, arrival: unicastFrom(ip('10.1.0.1')) }),
    );
    assert.deepEqual(to, { address: '10.1.0.1', port: 67 });
    assert.equal(message.yiaddr, '0.0.0.0');
  });
});

describe('port 4011', () => {
  test('acknowledges what OVMF sends, to its source port, with 54, 60 and what to boot', () => {
    const captured = join(ROOT, 'test/golden/dhcp4/ovmf-request-boot-server.bin');
    const asked = messageOf(readFileSync(captured));
    const arrival = unicastFrom(asked.ciaddr, {
      plane: 'boot-server',
      port: 4011,
      source: { address: asked.ciaddr, port: 4011 },
    });
    const { message, to } = replyOf(decide(asked, { arrival, boot: LOADER }));
    assert.deepEqual(to, { address: '192.168.77.156', port: 4011 });
    assert.equal(getOption(message.options, 'messageType'), 'ACK');
    assert.equal(getOption(message.options, 'serverId'), SERVER);
    assert.equal(getOption(message.options, 'vendorClass'), 'PXEClient');
    assert.equal(message.ciaddr, '192.168.77.156');
    assert.equal(message.siaddr, SERVER);
    assert.equal(message.file, 'ipxe/x86_64/snponly.efi');
  });

  test('says nothing to a machine that is not to be booted', () => {
    const asked = clientMessage(MAC, { messageType: 'REQUEST', ...UEFI }, { ciaddr: ip('192.168.77.30') });
    assert.equal(silenceOf(decide(asked, BOOT_SERVER)).code, 'no-boot-file');
  });
});

describe('the server identifier', () => {
  test('is the relay’s choice where it makes one (RFC 5107), and ours to accept later', () => {
    const serverId = ip('10.1.0.1');
    assert.equal(getOption(answer({}, { serverId }).options, 'serverId'), serverId);
    const asked = clientMessage(MAC, { messageType: 'REQUEST', serverId, requestedAddress: ip('192.168.77.100') });
    assert.equal(replyOf(decide(asked, { serverId })).type, 'ACK');
  });
});
