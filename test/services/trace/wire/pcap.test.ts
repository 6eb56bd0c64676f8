import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Ipv4, Ipv6 } from '#machines/values/ip-address.ts';
import { type Datagram, encodePcap } from '#services/trace/wire/pcap.ts';

const datagram = (payload: Uint8Array): Datagram => ({
  at: 1_750_000_000_123.5,
  source: { address: '0.0.0.0' as Ipv4, port: 68 },
  destination: { address: '255.255.255.255' as Ipv4, port: 67 },
  payload,
});

/** Ones' complement sum of big-endian words, by the book: 0xffff if the checksum in it is right. */
function checked(bytes: readonly number[]): number {
  let total = 0;
  const even = bytes.length % 2 === 0 ? bytes : [...bytes, 0];
  for (let index = 0; index < even.length; index += 2) {
    total += (even[index] ?? 0) * 256 + (even[index + 1] ?? 0);
    if (total > 0xffff) total -= 0xffff;
  }
  return total;
}

describe('a capture file', () => {
  it('without packets is a header', () => {
    assert.equal(Buffer.from(encodePcap([])).toString('hex'), 'd4c3b2a1020004000000000000000000ffff000065000000');
  });

  for (const length of [0, 1, 2, 299, 300, 1472]) {
    it(`holds ${length} bytes under headers with right sums`, () => {
      const payload = Uint8Array.from({ length }, (_, index) => (index * 7 + 3) & 255);
      const bytes = [...encodePcap([datagram(payload)])];
      const packet = bytes.slice(24 + 16);
      assert.equal(packet.length, 28 + length);
      assert.deepEqual(packet.slice(28), [...payload]);
      assert.equal(checked(packet.slice(0, 20)), 0xffff);
      const pseudo = [...packet.slice(12, 20), 0, 17, ...packet.slice(24, 26)];
      assert.equal(checked([...pseudo, ...packet.slice(20)]), 0xffff);
    });
  }

  it('has the time in seconds and microseconds', () => {
    const view = new DataView(encodePcap([datagram(new Uint8Array(1))]).buffer);
    assert.deepEqual([view.getUint32(24, true), view.getUint32(28, true)], [1_750_000_000, 123_500]);
  });

  it('leaves out what no IPv4 packet can hold', () => {
    const long = datagram(new Uint8Array(65_520));
    const six = { ...datagram(new Uint8Array(1)), source: { address: 'fd00::1' as Ipv6, port: 546 } };
    assert.equal(encodePcap([long, six]).length, 24);
  });
});
