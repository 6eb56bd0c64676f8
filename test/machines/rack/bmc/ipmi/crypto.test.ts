import assert from 'node:assert/strict';
import { createCipheriv, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { type Handshake, isRakp3Code, keysOf, rakp2Code, seal, unseal } from '#machines/rack/bmc/ipmi/crypto.ts';
import { SUITE_0, SUITE_17, SUITE_3 } from '#machines/rack/bmc/ipmi/decide/suites.ts';
import { concat } from '#machines/rack/bmc/ipmi/wire/byte-reader.ts';
import { decodeDatagram, encodeSession } from '#machines/rack/bmc/ipmi/wire/datagram.ts';
import { decodeRequest } from '#machines/rack/bmc/ipmi/wire/message.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const littleEndian = (bytes: string): number => new DataView(hex(bytes).buffer).getUint32(0, true);

// Two sessions of ipmitool 1.8.19, captured as it spoke to another BMC: user admin, password secretpw.
const CAPTURED = [
  {
    suite: SUITE_3,
    bmcId: 'fad38cbe',
    consoleRandom: 'e83621c219e73ff662ed24f8a5f8294e',
    bmcRandom: 'ba71d597a3e079affc260ae904c36e77',
    rakp2: '3950a787b86e0a9512719d263b9570f78f6a31b4',
    rakp3: '8a7ef81810207ba8d26dbe7724ffa9aabf315ca3',
    k1: '6e67e5aa48212919b067ac2ee6bfe8c9750a9f16',
    k2: '6bcf9f5a77d23304fbc989c723671bb0',
    rakp4: '862851c9c36c1dbdade3e242',
  },
  {
    suite: SUITE_17,
    bmcId: 'fff66d37',
    consoleRandom: '29c4962fe006b8dba56cc552c0579086',
    bmcRandom: '3555037876139b942a39d2315938d45c',
    rakp2: 'bdfa5c3532e63f1d4e5eeec9aaca0c30017b2fe2709169abf76fbe9a2e0d8402',
    rakp3: 'b404304fc659b95de66ac14cd05238b3dba79515151af9b857b7031acf5490b5',
    k1: '999bd2caa1c94789fd3ed589936ff124f688beb76ab34ccd871693b580da6213',
    k2: 'f5375954aaea3c833cd9d19cd3a9a9ff',
    rakp4: 'f33773ef9cc6af737846a0aca3fe14ae',
  },
] as const;

function handOf(captured: (typeof CAPTURED)[number], password = 'secretpw'): Handshake {
  return {
    suite: captured.suite,
    consoleId: littleEndian('a4a3a2a0'),
    bmcId: littleEndian(captured.bmcId),
    consoleRandom: hex(captured.consoleRandom),
    bmcRandom: hex(captured.bmcRandom),
    guid: hex('00112233445566778899aabbccddeeff'),
    role: 0x14,
    name: new TextEncoder().encode('admin'),
    password,
    kg: undefined,
  };
}

for (const captured of CAPTURED) {
  test(`suite ${captured.suite.id} makes the codes and keys of a captured session`, () => {
    const hand = handOf(captured);
    assert.equal(text(rakp2Code(hand)), captured.rakp2);
    assert.equal(isRakp3Code(hand, hex(captured.rakp3)), true);
    assert.equal(isRakp3Code(handOf(captured, 'secretpx'), hex(captured.rakp3)), false);
    assert.equal(isRakp3Code(hand, hex(captured.rakp3).subarray(1)), false);
    const { keys, rakp4Code } = keysOf(hand);
    assert.equal(text(keys.integrity), captured.k1);
    assert.equal(text(keys.encryption), captured.k2);
    assert.equal(text(rakp4Code), captured.rakp4);
  });

  test(`suite ${captured.suite.id} opens what it has sealed, whatever its length, and nothing that was touched`, () => {
    const { keys } = keysOf(handOf(captured));
    for (let length = 0; length < 40; length++) {
      const payload = new Uint8Array(length).fill(0x5a);
      const datagram = seal(keys, { type: 0, sessionId: 7, sequence: 9, payload });
      assert.equal((datagram.length - 4 - keys.suite.codeBytes) % 4, 0);
      assert.deepEqual(opened(datagram), payload);
    }
    const datagram = seal(keys, { type: 0, sessionId: 7, sequence: 9, payload: hex('0102030405') });
    for (let at = 4; at < datagram.length; at++) {
      const touched = datagram.slice();
      touched[at] = (touched[at] ?? 0) ^ 0x01;
      assert.equal(opened(touched), undefined, `byte ${at}`);
    }

    function opened(bytes: Uint8Array): Uint8Array | undefined {
      const decoded = decodeDatagram(bytes);
      if (!decoded.ok || decoded.value.kind !== 'session') return undefined;
      const payload = unseal(keys, decoded.value);
      return payload && Uint8Array.from(payload);
    }
  });
}

test('a captured datagram of suite 17 is Get Chassis Status', () => {
  const decoded = decodeDatagram(
    hex(
      '0600ff07 06c0fff66d370900000020009c90d1a6c615cc714d131db5334d3de4bb12825c00b7c3b528e869aed3d0218d' +
        'ffff020779c3a7102dd3ba0a093278581b076535',
    ),
  );
  assert.ok(decoded.ok && decoded.value.kind === 'session');
  assert.equal(decoded.value.sequence, 9);
  const message = unseal(keysOf(handOf(CAPTURED[1])).keys, decoded.value);
  assert.ok(message);
  const request = decodeRequest(message);
  assert.ok(request.ok);
  assert.deepEqual([request.value.netFn, request.value.command, request.value.route.number], [0, 1, 7]);
});

test('a session that agreed on secrecy takes nothing in the open, signed or not', () => {
  const { keys } = keysOf(handOf(CAPTURED[1]));
  const open = { ...keys, suite: { ...SUITE_17, confidentiality: 0 } };
  const unsigned = { ...keys, suite: SUITE_0 };
  for (const weak of [open, unsigned]) {
    const decoded = decodeDatagram(seal(weak, { type: 0, sessionId: 7, sequence: 1, payload: hex('0102') }));
    assert.ok(decoded.ok && decoded.value.kind === 'session');
    assert.equal(unseal(keys, decoded.value), undefined);
  }
});

test('a datagram that is signed but padded wrong is not taken', () => {
  const { keys } = keysOf(handOf(CAPTURED[1]));
  const text = hex('000102030405060708090a');
  for (const [padding, isTaken] of [
    ['0102030404', true],
    ['0102030504', false],
    ['0102030405', false],
    ['01020304ff', false],
  ] as const) {
    const iv = new Uint8Array(16);
    const cipher = createCipheriv('aes-128-cbc', keys.encryption, iv).setAutoPadding(false);
    const encrypted = concat(iv, cipher.update(concat(text, hex(padding))), cipher.final());
    const packet = { type: 0, sessionId: 7, sequence: 1, isEncrypted: true, isAuthenticated: true, payload: encrypted };
    const unsigned = concat(encodeSession(packet).body, hex('ffff0207'));
    const code = createHmac('sha256', keys.integrity).update(unsigned).digest().subarray(0, 16);
    const taken = unseal(keys, { ...packet, body: concat(unsigned, code) });
    assert.equal(taken !== undefined, isTaken, padding);
  }
});
