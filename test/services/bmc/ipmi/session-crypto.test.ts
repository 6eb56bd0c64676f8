import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Handshake,
  openPacket,
  rakp2Code,
  rakp3Code,
  sealPacket,
  SUITES,
  type SuiteId,
  sessionKeys,
} from '#services/bmc/ipmi/session-crypto.ts';
import { encodeAsfPing, decodeAsfPong, decodeRmcp } from '#services/bmc/ipmi/wire/rmcp.ts';
import { encodeRequest } from '#services/bmc/ipmi/wire/message.ts';
import { encodeSessionless, encodeUnprotected, PAYLOAD } from '#services/bmc/ipmi/wire/session-packet.ts';
import {
  authCapabilitiesRequest,
  cipherSuitesRequest,
  encodeOpenRequest,
  encodeRakp1,
  encodeRakp3,
} from '#services/bmc/ipmi/wire/session-setup.ts';
import { bytes, hex } from './bytes.ts';

/** Real sessions of ipmitool 1.8.19: user `admin`, password `secretpw`, no K_g. Byte order of the wire. */
const RECORDED = {
  3: {
    bmcId: 'fad38cbe',
    consoleRandom: 'e83621c219e73ff662ed24f8a5f8294e',
    bmcRandom: 'ba71d597a3e079affc260ae904c36e77',
    rakp2: '3950a787b86e0a9512719d263b9570f78f6a31b4',
    rakp3: '8a7ef81810207ba8d26dbe7724ffa9aabf315ca3',
    integrity: '6e67e5aa48212919b067ac2ee6bfe8c9750a9f16',
    encryption: '6bcf9f5a77d23304fbc989c723671bb0',
    rakp4: '862851c9c36c1dbdade3e242',
  },
  17: {
    bmcId: 'fff66d37',
    consoleRandom: '29c4962fe006b8dba56cc552c0579086',
    bmcRandom: '3555037876139b942a39d2315938d45c',
    rakp2: 'bdfa5c3532e63f1d4e5eeec9aaca0c30017b2fe2709169abf76fbe9a2e0d8402',
    rakp3: 'b404304fc659b95de66ac14cd05238b3dba79515151af9b857b7031acf5490b5',
    integrity: '999bd2caa1c94789fd3ed589936ff124f688beb76ab34ccd871693b580da6213',
    encryption: 'f5375954aaea3c833cd9d19cd3a9a9ff',
    rakp4: 'f33773ef9cc6af737846a0aca3fe14ae',
  },
} as const satisfies Record<SuiteId, unknown>;

const uint32 = (text: string): number => new DataView(bytes(text).buffer).getUint32(0, true);

const handshake = (suite: SuiteId): Handshake => ({
  suite,
  consoleId: uint32('a4a3a2a0'),
  bmcId: uint32(RECORDED[suite].bmcId),
  consoleRandom: bytes(RECORDED[suite].consoleRandom),
  bmcRandom: bytes(RECORDED[suite].bmcRandom),
  guid: bytes('00112233445566778899aabbccddeeff'),
  role: 0x14,
  name: new TextEncoder().encode('admin'),
  password: new TextEncoder().encode('secretpw'),
});

for (const suite of [3, 17] as const) {
  test(`codes and keys of suite ${suite} are those of a session of ipmitool`, () => {
    const want = RECORDED[suite];
    const keys = sessionKeys(handshake(suite));
    assert.equal(hex(rakp2Code(handshake(suite))), want.rakp2);
    assert.equal(hex(rakp3Code(handshake(suite))), want.rakp3);
    assert.equal(hex(keys.integrity), want.integrity);
    assert.equal(hex(keys.encryption), want.encryption);
    assert.equal(hex(keys.rakp4Code), want.rakp4);
  });

  test(`packets of suite ${suite} of every length come back, and no changed byte goes unseen`, () => {
    const keys = sessionKeys(handshake(suite));
    for (let length = 0; length < 40; length++) {
      const payload = Uint8Array.from({ length }, (_, index) => index * 7);
      const packet = { payloadType: PAYLOAD.sol, sessionId: 0xfffffffe, sequence: 0xfffffffd, payload };
      const sealed = sealPacket(keys, packet, new Uint8Array(16).fill(length));
      assert.equal((sealed.length - 4 - SUITES[suite].integrityBytes) % 4, 0);
      const body = sealed.subarray(4);
      const opened = openPacket(keys, body);
      assert.ok(opened.ok);
      assert.deepEqual({ ...opened.value, payload: hex(opened.value.payload) }, { ...packet, payload: hex(payload) });
      if (length !== 9) continue;
      for (let at = 0; at < body.length; at++) {
        const changed = body.slice();
        changed[at] = (changed[at] ?? 0) ^ 0x10;
        assert.equal(openPacket(keys, changed).ok, false, `byte ${at}`);
        assert.equal(openPacket(keys, body.subarray(0, at)).ok, false, `cut at ${at}`);
      }
    }
  });
}

test('what ipmitool sent under suite 17 is opened', () => {
  const body = bytes(
    '06c0fff66d370900000020009c90d1a6c615cc714d131db5334d3de4bb12825c00b7c3b528e869aed3d0218dffff020779c3a7102dd3ba0a093278581b076535',
  );
  const opened = openPacket(sessionKeys(handshake(17)), body);
  assert.ok(opened.ok);
  assert.equal(hex(opened.value.payload), '2000e0811c0162');
  assert.equal(opened.value.sequence, 9);
});

test('what is sent before there is a session is byte for byte what ipmitool sends', () => {
  const hand = handshake(17);
  const { consoleId, bmcId } = hand;
  const app = (seq: number, cmd: number, data: Uint8Array) => encodeRequest({ netFn: 6, cmd, seq, data });
  const sent = {
    capabilities: encodeSessionless(app(0, 0x38, authCapabilitiesRequest('administrator'))),
    open: encodeUnprotected(
      PAYLOAD.openRequest,
      encodeOpenRequest({ tag: 0, consoleId, algorithms: SUITES[17].algorithms }),
    ),
    rakp1: encodeUnprotected(
      PAYLOAD.rakp1,
      encodeRakp1({ tag: 0, bmcId, random: hand.consoleRandom, role: 0x14, name: hand.name }),
    ),
    rakp3: encodeUnprotected(PAYLOAD.rakp3, encodeRakp3({ tag: 0, status: 0, bmcId, code: rakp3Code(hand) })),
    ping: encodeAsfPing(2),
  };
  assert.deepEqual(Object.fromEntries(Object.entries(sent).map(([name, packet]) => [name, hex(packet)])), {
    capabilities: '0600ff07000000000000000000092018c88100388e04b5',
    open: '0600ff0706100000000000000000200000000000a4a3a2a0000000080300000001000008040000000200000801000000',
    rakp1: '0600ff0706120000000000000000210000000000fff66d3729c4962fe006b8dba56cc552c05790861400000561646d696e',
    rakp3:
      '0600ff0706140000000000000000280000000000fff66d37b404304fc659b95de66ac14cd05238b3dba79515151af9b857b7031acf5490b5',
    ping: '0600ff06000011be80020000',
  });
  // ipmitool numbers this one 1.
  assert.equal(
    hex(encodeUnprotected(PAYLOAD.ipmi, app(1, 0x54, cipherSuitesRequest(0)))),
    '0600ff07060000000000000000000a002018c88104540e008099',
  );
});

test('a pong of OpenIPMI says that IPMI is spoken', () => {
  const packet = decodeRmcp(bytes('0600ff06000011be40010010000011be000000008100000000000000'));
  assert.ok(packet.ok && packet.value.class === 'asf');
  const pong = decodeAsfPong(packet.value.body);
  assert.deepEqual(pong, { ok: true, value: { tag: 1, iana: 4542, isIpmi: true } });
});
