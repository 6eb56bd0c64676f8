import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ackBlock, decodeTftp, encodeTftp, type TftpPacket, writeDataHeader } from '#server/tftp/wire/packet.ts';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));

const CASES: readonly { readonly name: string; readonly wire: string; readonly packet: TftpPacket }[] = [
  {
    name: 'a plain read request',
    wire: '\0\x01pxelinux.0\0octet\0',
    packet: { kind: 'RRQ', filename: 'pxelinux.0', mode: 'octet', options: [] },
  },
  {
    name: "EDK2's request for the size",
    wire: '\0\x01ipxe.efi\0octet\0tsize\x000\0blksize\x001468\0windowsize\x004\0',
    packet: {
      kind: 'RRQ',
      filename: 'ipxe.efi',
      mode: 'octet',
      options: [
        { name: 'tsize', value: '0' },
        { name: 'blksize', value: '1468' },
        { name: 'windowsize', value: '4' },
      ],
    },
  },
  {
    name: 'a write request',
    wire: '\0\x02x\0netascii\0',
    packet: { kind: 'WRQ', filename: 'x', mode: 'netascii', options: [] },
  },
  { name: 'data', wire: '\0\x03\xff\xfeabc', packet: { kind: 'DATA', block: 0xfffe, data: bytes('abc') } },
  { name: 'empty data', wire: '\0\x03\0\x02', packet: { kind: 'DATA', block: 2, data: bytes('') } },
  { name: 'an acknowledgment', wire: '\0\x04\x01\x02', packet: { kind: 'ACK', block: 0x0102 } },
  { name: 'an error', wire: '\0\x05\0\x01none\0', packet: { kind: 'ERROR', code: 1, text: 'none' } },
  {
    name: 'an option acknowledgment',
    wire: '\0\x06blksize\x008\0',
    packet: { kind: 'OACK', options: [{ name: 'blksize', value: '8' }] },
  },
];

for (const { name, wire, packet } of CASES) {
  test(`${name} is decoded and encoded`, () => {
    assert.deepEqual(decodeTftp(bytes(wire)), { kind: 'packet', packet });
    assert.deepEqual(encodeTftp(packet), bytes(wire));
  });

  test(`every truncation of ${name} is decoded or called malformed`, () => {
    for (let length = 0; length < wire.length; length++) {
      const decoded = decodeTftp(bytes(wire.slice(0, length)));
      if (length < 2) assert.equal(decoded.kind, 'malformed');
      if (decoded.kind === 'malformed') assert.notEqual(decoded.because, '');
    }
  });
}

const TOLERATED: readonly { readonly name: string; readonly wire: string; readonly want: TftpPacket }[] = [
  {
    name: 'a request without the last NUL',
    wire: '\0\x01a\0octet',
    want: { kind: 'RRQ', filename: 'a', mode: 'octet', options: [] },
  },
  {
    name: 'an option value without NUL',
    wire: '\0\x01a\0octet\0blksize\x001024',
    want: { kind: 'RRQ', filename: 'a', mode: 'octet', options: [{ name: 'blksize', value: '1024' }] },
  },
  {
    name: 'an option without a value',
    wire: '\0\x01a\0octet\0tsize\0',
    want: { kind: 'RRQ', filename: 'a', mode: 'octet', options: [] },
  },
  {
    name: 'padding after the request',
    wire: `\0\x01a\0octet\0${'\0'.repeat(400)}`,
    want: { kind: 'RRQ', filename: 'a', mode: 'octet', options: [] },
  },
  {
    name: 'an ACK with bytes after it (some ROMs send their whole buffer)',
    wire: '\0\x04\0\x07junk',
    want: { kind: 'ACK', block: 7 },
  },
  { name: 'an error without text', wire: '\0\x05\0\0', want: { kind: 'ERROR', code: 0, text: '' } },
];
for (const { name, wire, want } of TOLERATED) {
  test(`${name} is understood`, () => {
    assert.deepEqual(decodeTftp(bytes(wire)), { kind: 'packet', packet: want });
  });
}

const MALFORMED: readonly { readonly name: string; readonly wire: string; readonly because: RegExp }[] = [
  { name: 'nothing', wire: '', because: /opcode is missing/ },
  { name: 'one byte', wire: '\0', because: /opcode is missing: 1 bytes/ },
  { name: 'an unknown opcode', wire: '\0\x09', because: /opcode is 9, want 1 to 6/ },
  { name: 'a name without end', wire: '\0\x01name', because: /file name has no end/ },
  { name: 'an ACK of three bytes', wire: '\0\x04\0', because: /block number is missing/ },
];
for (const { name, wire, because } of MALFORMED) {
  test(`${name} is malformed, and says why`, () => {
    const decoded = decodeTftp(bytes(wire));
    assert.equal(decoded.kind, 'malformed');
    assert.match(decoded.kind === 'malformed' ? decoded.because : '', because);
  });
}

test('no more than 32 options are looked at', () => {
  const decoded = decodeTftp(bytes(`\0\x01a\0octet\0${'o\0v\0'.repeat(1000)}`));
  assert.equal(decoded.kind === 'packet' && decoded.packet.kind === 'RRQ' && decoded.packet.options.length, 32);
});

test('text with a NUL is not encoded', () => {
  assert.throws(() => encodeTftp({ kind: 'ERROR', code: 0, text: 'a\0b' }), RangeError);
});

test('any packet survives a round trip', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter((one) => !one.includes('\0'));
  const record = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
    fc.record(model, { noNullPrototype: true });
  const uint16 = fc.integer({ min: 0, max: 0xffff });
  const options = fc.array(record({ name: text, value: text }), { maxLength: 8 });
  const packet: fc.Arbitrary<TftpPacket> = fc.oneof(
    record({ kind: fc.constantFrom('RRQ' as const, 'WRQ' as const), filename: text, mode: text, options }),
    record({ kind: fc.constant('DATA' as const), block: uint16, data: fc.uint8Array({ maxLength: 600 }) }),
    record({ kind: fc.constant('ACK' as const), block: uint16 }),
    record({ kind: fc.constant('ERROR' as const), code: uint16, text }),
    record({ kind: fc.constant('OACK' as const), options }),
  );
  fc.assert(
    fc.property(packet, (one) => {
      assert.deepEqual(decodeTftp(encodeTftp(one)), { kind: 'packet', packet: one });
    }),
    { numRuns: 500 },
  );
});

test('the short cut for ACKs agrees with the decoder on any bytes', () => {
  const near = fc.tuple(fc.constantFrom(0, 1), fc.integer({ min: 0, max: 7 }), fc.uint8Array({ maxLength: 6 }));
  fc.assert(
    fc.property(near, ([high, low, rest]) => {
      const datagram = Uint8Array.from([high, low, ...rest]);
      const decoded = decodeTftp(datagram);
      const block = decoded.kind === 'packet' && decoded.packet.kind === 'ACK' ? decoded.packet.block : -1;
      assert.equal(ackBlock(datagram), block);
    }),
    { numRuns: 2000 },
  );
});

test('a data header written in place is the encoder’s', () => {
  for (const block of [0, 1, 255, 256, 65535]) {
    const packet = new Uint8Array(4);
    writeDataHeader(packet, block);
    assert.deepEqual(packet, encodeTftp({ kind: 'DATA', block, data: new Uint8Array(0) }));
  }
});
