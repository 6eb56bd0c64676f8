import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOOT_SELECTOR, decodeBootFlags, encodeBootFlags } from '#services/bmc/ipmi/wire/boot-options.ts';
import { decodeChassisStatus, identifyRequest } from '#services/bmc/ipmi/wire/chassis.ts';
import type { Decoded } from '#services/bmc/ipmi/wire/cursor.ts';
import {
  decodeDcmiPower,
  decodeDeviceId,
  decodeGuid,
  decodeLanAddress,
  decodeLanMac,
} from '#services/bmc/ipmi/wire/device.ts';
import { decodeFru, decodeFruAreaInfo, decodeFruRead } from '#services/bmc/ipmi/wire/fru.ts';
import { decodeResponse, encodeRequest } from '#services/bmc/ipmi/wire/message.ts';
import { decodeAsfPong, decodeRmcp } from '#services/bmc/ipmi/wire/rmcp.ts';
import { decodeSelEntry, decodeSelInfo } from '#services/bmc/ipmi/wire/sel.ts';
import { decodeSessionPacket } from '#services/bmc/ipmi/wire/session-packet.ts';
import {
  decodeAuthCapabilities,
  decodeCipherSuites,
  decodeOpenResponse,
  decodeRakp2,
  decodeRakp4,
} from '#services/bmc/ipmi/wire/session-setup.ts';
import { decodeActivated, decodeInstance, decodeSol } from '#services/bmc/ipmi/wire/sol.ts';
import { bytes, hex } from '../bytes.ts';

function valueOf<T>(decoded: Decoded<T>): T {
  if (!decoded.ok) throw new Error(decoded.because);
  return decoded.value;
}

/** One whole answer of each kind; each is also cut short at every byte. `least`: below this it is malformed. */
const WHOLE: readonly (readonly [
  name: string,
  decode: (data: Uint8Array) => Decoded<unknown>,
  data: string,
  least: number,
])[] = [
  ['RMCP', decodeRmcp, '0600ff07 00', 4],
  ['pong', decodeAsfPong, '000011be 40 01 00 10 000011be 00000000 81 00 000000000000', 17],
  ['session 1.5', decodeSessionPacket, '00 00000000 00000000 02 aabb', 12],
  ['session 2.0', decodeSessionPacket, '06 00 00000000 00000000 0200 aabb', 14],
  ['capabilities', decodeAuthCapabilities, '01 80 04 02 00000000', 3],
  ['open', decodeOpenResponse, '00 00 04 00 a4a3a2a0 01000000 0000000803000000 0100000804000000 0200000801000000', 36],
  ['RAKP 2', decodeRakp2, `00 00 0000 a4a3a2a0 ${'11'.repeat(16)} ${'22'.repeat(16)} ${'33'.repeat(32)}`, 40],
  ['RAKP 4', decodeRakp4, `00 00 0000 a4a3a2a0 ${'44'.repeat(16)}`, 8],
  ['chassis status', decodeChassisStatus, '21 10 40 54', 3],
  ['boot flags', decodeBootFlags, '01 05 a0 04 00 00 00', 4],
  ['device ID', decodeDeviceId, '20 01 09 08 02 bf 911200 020f 00000000', 11],
  ['GUID', decodeGuid, '00'.repeat(16), 16],
  ['LAN address', decodeLanAddress, '11 0a00000c', 5],
  ['LAN MAC', decodeLanMac, '11 525400000001', 7],
  ['DCMI', decodeDcmiPower, `dc 2a00 ${'00'.repeat(14)} 40`, 18],
  ['SEL info', decodeSelInfo, '51 0300 ffff 00000000 00000000 02', 3],
  ['SEL entry', decodeSelEntry, 'ffff 0100 02 80d3f660 2000 04 0c 08 6f 01ffff', 18],
  ['FRU area', decodeFruAreaInfo, '0001 00', 3],
  ['FRU data', (part) => decodeFruRead(part, 1), '04 01020304', 5],
  ['activation', decodeActivated, '00000000 1000 1000 6f02 ffff', 8],
  ['instance', decodeInstance, '00100000', 4],
  ['SOL', decodeSol, '01 00 00 00 61', 4],
];

for (const [name, decode, text, least] of WHOLE) {
  test(`${name}: whole it is read, cut short it says what is missing`, () => {
    const whole = bytes(text);
    assert.equal(decode(whole).ok, true);
    for (let length = 0; length < whole.length; length++) {
      const cut = decode(whole.subarray(0, length));
      assert.equal(cut.ok, length >= least, `${length} bytes`);
      if (!cut.ok) assert.match(cut.because, /./);
    }
  });
}

test('a message comes back as it was sent, but for the addresses', () => {
  assert.equal(hex(encodeRequest({ netFn: 0, cmd: 1, seq: 0x38, data: new Uint8Array(0) })), '2000e081e0019e');
  // Chassis status of ipmitool's session: request above, answer of a BMC that is on.
  const answer = bytes('81047b 20e001 00 21100040 8e');
  const { netFn, cmd, seq, completion, data } = valueOf(decodeResponse(answer));
  assert.deepEqual(
    { netFn, cmd, seq, completion, data: hex(data) },
    { netFn: 0, cmd: 1, seq: 56, completion: 0, data: '21100040' },
  );
  for (let at = 0; at < answer.length; at++) {
    const changed = answer.slice();
    changed[at] = (changed[at] ?? 0) ^ 4;
    assert.equal(decodeResponse(changed).ok, false, `byte ${at}`);
  }
  assert.equal(decodeResponse(encodeRequest({ netFn: 0, cmd: 1, seq: 1, data: new Uint8Array(4) })).ok, false);
});

test('a list of cipher suites: standard ones are found between those of a maker, and nonsense ends it', () => {
  assert.deepEqual(decodeCipherSuites(bytes('c003014181 c011034481 c000004080')), [3, 17, 0]);
  assert.deepEqual(decodeCipherSuites(bytes('c180a1020001 4181 c011034481')), [17]);
  assert.deepEqual(decodeCipherSuites(bytes('c0')), []);
  assert.deepEqual(decodeCipherSuites(bytes('0102c003')), []);
});

test('capabilities tell IPMI 2.0, K_g and anonymous users', () => {
  assert.deepEqual(valueOf(decodeAuthCapabilities(bytes('01 80 27 02 00000000'))), {
    hasIpmi20: true,
    wantsKg: true,
    hasNullUser: true,
    hasAnonymous: true,
  });
  assert.equal(valueOf(decodeAuthCapabilities(bytes('01 14 04 00 00000000'))).hasIpmi20, false);
});

test('an answer that refuses may end after its status', () => {
  for (const decode of [decodeOpenResponse, decodeRakp2, decodeRakp4]) {
    assert.deepEqual(valueOf<unknown>(decode(bytes('07 0d'))), { kind: 'refused', tag: 7, status: 13 });
  }
  assert.equal(
    decodeOpenResponse(bytes('00 00 04 00 a4a3a2a0 00000000 0000000803000000 0100000804000000 0200000801000000')).ok,
    false,
  );
});

test('boot flags: PXE once under UEFI is what the field sends, and the bits come back', () => {
  const flags = { isValid: true, isPersistent: false, isEfi: true, device: BOOT_SELECTOR.network };
  assert.equal(hex(encodeBootFlags(flags)), '05a004000000');
  assert.deepEqual(valueOf(decodeBootFlags(bytes('01 05 a0 04 00 00 00'))), flags);
  assert.equal(valueOf(decodeBootFlags(bytes('01 85 a0 04 00 00 00'))).isValid, false);
  assert.equal(decodeBootFlags(bytes('01 04 01 01')).ok, false);
});

test('chassis status: faults, and the light where the BMC tells of it', () => {
  assert.deepEqual(valueOf(decodeChassisStatus(bytes('0b 00 1c'))), {
    isOn: true,
    hasOverload: true,
    hasPowerFault: true,
    hasDriveFault: true,
    hasFanFault: true,
  });
  assert.equal(valueOf(decodeChassisStatus(bytes('00 00 50'))).isIdentifying, true);
  assert.deepEqual([...identifyRequest(15.2)], [16]);
  assert.deepEqual([...identifyRequest(-1)], [0]);
  assert.deepEqual([...identifyRequest(256)], [255, 1]);
});

test('SOL sizes are understood in either byte order, and kept within what a packet can hold', () => {
  const size = (told: string) => valueOf(decodeActivated(bytes(`00000000 ${told} 0001 6f02 ffff`))).inboundBytes;
  assert.equal(size('1000'), 16);
  assert.equal(size('0001'), 256);
  assert.equal(size('0100'), 256);
  assert.equal(size('ffff'), 259);
  assert.equal(size('0000'), 5);
});

test('FRU: every kind of text, and a broken area costs only itself', () => {
  const sealed = (area: number[]): number[] => [
    ...area.slice(0, -1),
    -area.slice(0, -1).reduce((sum, byte) => sum + byte, 0) & 0xff,
  ];
  // 6-bit ASCII packs the lowest bits first: `A`, `B`, `C`, `D` are 21, 22, 23, 24.
  const chassis = sealed([1, 2, 0x17, 0x83, 0xa1, 0x38, 0x92, 0x42, 0x12, 0x3a, 0xc1, 0, 0, 0, 0, 0]);
  const board = sealed([1, 2, 25, 1, 2, 3, 0xc2, 0x4d, 0x65, 0x02, 0xde, 0xad, 0xc1, 0, 0, 0]);
  const utf16 = sealed([1, 2, 1, 0xc4, 0x6c, 0x67, 0x2d, 0x4e, 0xc1, 0, 0, 0, 0, 0, 0, 0]);
  const head = sealed([1, 0, 1, 3, 5, 0, 0, 0]);
  const whole = Uint8Array.from([...head, ...chassis, ...board, ...utf16]);
  assert.deepEqual(valueOf(decodeFru(whole)), {
    chassis: { type: 0x17, part: 'ABCD', serial: '123 ' },
    board: { manufacturer: 'Me', product: 'dead' },
    product: { manufacturer: '\u676c\u4e2d' },
    broken: [],
  });
  const torn = whole.slice();
  torn[8 + 4] = 0;
  const read = valueOf(decodeFru(torn));
  assert.deepEqual(read.broken, ['FRU chassis area: its checksum is wrong']);
  assert.deepEqual(read.board, { manufacturer: 'Me', product: 'dead' });
  const cut = valueOf(decodeFru(whole.subarray(0, 30)));
  assert.equal(cut.broken.length, 2);
  assert.equal(decodeFru(new Uint8Array(64)).ok, false);
});
