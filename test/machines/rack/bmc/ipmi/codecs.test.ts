import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { admit, NOTHING_SEEN, type SequenceWindow } from '#machines/rack/bmc/ipmi/decide/sequence-window.ts';
import { chooseSuite, suiteRecords, SUITE_17, SUITE_3 } from '#machines/rack/bmc/ipmi/decide/suites.ts';
import { decodeDatagram, encodePong } from '#machines/rack/bmc/ipmi/wire/datagram.ts';
import { encodeFru } from '#machines/rack/bmc/ipmi/wire/fru.ts';
import { decodeRequest, encodeResponse } from '#machines/rack/bmc/ipmi/wire/message.ts';
import { encodeSelRecord } from '#machines/rack/bmc/ipmi/wire/sel-record.ts';
import { decodeOpenRequest, decodeRakp1, decodeRakp3 } from '#machines/rack/bmc/ipmi/wire/session-setup.ts';
import { decodeSol, encodeSol } from '#machines/rack/bmc/ipmi/wire/sol-packet.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

// What ipmitool 1.8.19 sent, in the order of a login.
const CAPTURED = {
  ping: '0600ff06000011be80020000',
  capabilities: '0600ff07000000000000000000092018c88100388e04b5',
  suites: '0600ff07060000000000000000000a002018c88104540e008099',
  open: '0600ff0706100000000000000000200000000000a4a3a2a0000000080300000001000008040000000200000801000000',
  rakp1: '0600ff0706120000000000000000210000000000fff66d3729c4962fe006b8dba56cc552c05790861400000561646d696e',
  rakp3:
    '0600ff0706140000000000000000280000000000fff66d37b404304fc659b95de66ac14cd05238b3dba79515151af9b857b7031acf5490b5',
} as const;

describe('datagrams', () => {
  it('of a real login are what they are', () => {
    const decoded = Object.values(CAPTURED).map((one) => decodeDatagram(hex(one)));
    assert.deepEqual(
      decoded.map((one) => one.ok && [one.value.kind, 'type' in one.value ? one.value.type : undefined]),
      [
        ['ping', undefined],
        ['open', undefined],
        ['open', undefined],
        ['setup', 0x10],
        ['setup', 0x12],
        ['setup', 0x14],
      ],
    );
    assert.equal(text(encodePong(2)), '0600ff06000011be40020010000011be000000008100000000000000');
  });

  it('that were cut off are malformed, wherever', () => {
    for (const whole of Object.values(CAPTURED)) {
      const bytes = hex(whole);
      const shortest = whole === CAPTURED.ping ? 10 : bytes.length;
      for (let length = 0; length < shortest; length++) {
        assert.equal(decodeDatagram(bytes.subarray(0, length)).ok, false, `${length} bytes of ${whole}`);
      }
    }
  });

  it('of noise never throw', () => {
    let state = 12_345;
    const next = (): number => (state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff) >> 16;
    for (let round = 0; round < 3000; round++) {
      const bytes = hex(Object.values(CAPTURED)[round % 6] ?? '').slice(0, 4 + (next() % 60));
      for (let change = 0; change < 3; change++) bytes[next() % bytes.length] = next();
      const decoded = decodeDatagram(bytes);
      if (!decoded.ok) continue;
      const inside = 'payload' in decoded.value ? decoded.value.payload : bytes;
      for (const decode of [decodeRequest, decodeOpenRequest, decodeRakp1, decodeRakp3, decodeSol]) decode(inside);
    }
  });
});

describe('messages', () => {
  it('are answered with addresses swapped and both checksums right', () => {
    const request = decodeRequest(hex('2000e0 811c01 62'));
    assert.ok(request.ok);
    const response = encodeResponse(request.value, 0, hex('01 10 40'));
    assert.equal(text(response.subarray(0, 2)), '8104');
    assert.equal(text(response.subarray(3, 7)), '201c0100');
    assert.equal(decodeRequest(response).ok, true);
  });

  it('with a wrong checksum are not taken', () => {
    const good = hex('2000e0 811c01 62');
    for (let at = 0; at < good.length; at++) {
      const bad = good.slice();
      bad[at] = (bad[at] ?? 0) ^ 0x10;
      assert.equal(decodeRequest(bad).ok, false, `byte ${at}`);
    }
  });
});

describe('sequence numbers', () => {
  const after = (...numbers: readonly number[]): SequenceWindow | undefined => {
    let window: SequenceWindow | undefined = NOTHING_SEEN;
    for (const number of numbers) window = window && admit(window, number);
    return window;
  };
  for (const [numbers, taken] of [
    [[1], true],
    [[0], false],
    [[1, 2, 3], true],
    [[3, 1, 2], true],
    [[1, 1], false],
    [[5, 3, 3], false],
    [[15], true],
    [[16], false],
    [[10, 20, 30, 14], true],
    [[10, 20, 30, 13], false],
    [[1, 16, 31, 46, 30], true],
  ] as const) {
    it(`${numbers.join(', ')} ${taken ? 'are' : 'end in one that is not'} taken`, () => {
      assert.equal(after(...numbers) !== undefined, taken);
    });
  }

  it('go round at 32 bits', () => {
    const window = admit({ highest: 0xffff_fffe, seen: 1 }, 0xffff_ffff);
    assert.ok(window);
    assert.equal(admit(window, 0), undefined);
    assert.ok(admit(window, 1));
  });
});

describe('cipher suites', () => {
  const strong = { authentication: 3, integrity: 4, confidentiality: 1 };
  it('are chosen whole, and refused by what is wrong with them', () => {
    assert.deepEqual(chooseSuite([SUITE_3, SUITE_17], strong), { kind: 'suite', suite: SUITE_17 });
    const status = (offer: Partial<typeof strong>) => chooseSuite([SUITE_3, SUITE_17], { ...strong, ...offer });
    assert.deepEqual(status({ authentication: 0 }), { kind: 'refused', status: 0x04 });
    assert.deepEqual(status({ integrity: 2 }), { kind: 'refused', status: 0x05 });
    assert.deepEqual(status({ confidentiality: 0 }), { kind: 'refused', status: 0x10 });
    assert.deepEqual(status({ integrity: 1 }), { kind: 'refused', status: 0x11 });
  });

  it('are listed as IPMI lists them', () => {
    assert.deepEqual(suiteRecords([SUITE_3, SUITE_17]), [0xc0, 3, 1, 0x41, 0x81, 0xc0, 17, 3, 0x44, 0x81]);
  });
});

describe('records', () => {
  it('of the event log have sixteen bytes', () => {
    const record = encodeSelRecord({ id: 0x0102, time: 0x6500_0000, sensorType: 0x12, sensor: 2, offset: 1 });
    assert.equal(text(record), '0201 02 00000065 2000 04 12 02 6f 01 ff ff'.replaceAll(' ', ''));
  });

  it('of the inventory add up to nothing, area by area', () => {
    const fru = encodeFru({
      chassis: { part: '', serial: 'S' },
      board: { manufacturer: 'Maker', product: 'Board', serial: 'B-1', part: '' },
      product: {
        manufacturer: 'x'.repeat(100),
        name: 'Product',
        part: '',
        version: '',
        serial: 'P-1',
        assetTag: '',
      },
    });
    const sum = (bytes: Uint8Array) => bytes.reduce((total, byte) => total + byte, 0) & 0xff;
    assert.equal(fru.length % 8, 0);
    assert.equal(sum(fru.subarray(0, 8)), 0);
    for (const offset of fru.subarray(2, 5)) {
      const area = fru.subarray(offset * 8, (offset + (fru[offset * 8 + 1] ?? 0)) * 8);
      assert.equal(area[0], 1);
      assert.equal(sum(area), 0);
    }
  });

  it('of the console come back as they went', () => {
    const packet = { sequence: 5, acknowledges: 4, accepted: 3, bits: 0x40, characters: hex('616263') };
    assert.deepEqual(decodeSol(encodeSol(packet)), { ok: true, value: packet });
  });
});
