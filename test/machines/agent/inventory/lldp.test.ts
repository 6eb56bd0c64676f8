import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeHexDump, decodeLldpFrame } from '#machines/agent/inventory/wire/lldp.ts';
import { ascii, END, frame, SWITCH, tlv } from './lldp-frames.ts';

const told = (bytes: Uint8Array): unknown => {
  const result = decodeLldpFrame(bytes);
  return result.ok ? result.neighbour : result.because;
};
const IDS = [tlv(1, [7, ...ascii('c')]), tlv(2, [7, ...ascii('p')]), tlv(3, [0, 1])];

describe('LLDP', () => {
  it('a switch says where a cable ends', () =>
    assert.deepEqual(told(SWITCH), {
      chassis: '02:00:00:aa:bb:00',
      port: 'Ethernet1/7',
      portText: 'to rack 3, unit 12',
      system: 'tor-3.example.net',
      vlan: 42,
      managementAddress: '192.0.2.1',
    }));

  it('is read behind a VLAN tag, and without an end', () => {
    assert.deepEqual(told(frame(IDS, [0x81, 0x00, 0x00, 0x05])), { chassis: 'c', port: 'p' });
  });

  for (const [what, value, want] of [
    ['a network address', [5, 1, 192, 0, 2, 9], '192.0.2.9'],
    ['an IPv6 address', [5, 2, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9], 'fe80::1:0:9'],
    ['a name', [6, ...ascii('eth0\0')], 'eth0'],
    ['what is no UTF-8', [7, 0xc3, 0x28], 'Ã('],
  ] as const) {
    it(`a chassis may be named by ${what}`, () =>
      assert.deepEqual(told(frame([tlv(1, value), ...IDS.slice(1), END])), { chassis: want, port: 'p' }));
  }

  for (const [what, bytes, want] of [
    ['nothing', new Uint8Array(0), 'the frame’s type is missing, want 88cc'],
    ['another protocol', Uint8Array.from([...Array<number>(12).fill(0), 8, 0]), 'the frame’s type is 800, want 88cc'],
    ['no port', frame([tlv(1, [7, 0x61]), END]), 'no chassis or no port in it'],
    ['a MAC of five bytes', frame([tlv(1, [4, 1, 2, 3, 4, 5]), ...IDS.slice(1), END]), 'no chassis or no port in it'],
    ['a length beyond the end', frame([[0x02, 0xff, 1]]), 'a field of 255 bytes passes the end of the frame'],
  ] as const) {
    it(`${what} is refused`, () => assert.equal(told(bytes), want));
  }

  it('every truncation of it is refused or told without what was cut', () => {
    for (let end = 0; end < SWITCH.length; end++) {
      const result = decodeLldpFrame(SWITCH.subarray(0, end));
      if (result.ok) assert.equal(result.neighbour.chassis, '02:00:00:aa:bb:00');
    }
  });

  it('what tcpdump prints in hexadecimal is a frame again', () => {
    const text = `LLDP, length 20
\t0x0000:  0180 c200 000e 0200 00aa bbcc 88cc 0207
\t0x0010:  0402
LLDP, length 20
\t0x0000:  ffff
`;
    assert.deepEqual([...decodeHexDump(text)], [...SWITCH.subarray(0, 18)]);
    assert.deepEqual([...decodeHexDump('nothing')], []);
  });
});
