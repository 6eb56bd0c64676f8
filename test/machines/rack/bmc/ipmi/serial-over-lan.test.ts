import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { SUITE_17 } from '#machines/rack/bmc/ipmi/decide/suites.ts';
import { openSerialOverLan, SOL_CHARACTERS, type SerialOverLan } from '#machines/rack/bmc/ipmi/serial-over-lan.ts';
import type { IpmiSession } from '#machines/rack/bmc/ipmi/sessions.ts';
import { decodeSol, type SolPacket } from '#machines/rack/bmc/ipmi/wire/sol-packet.ts';
import type { PowerBackend } from '#machines/rack/bmc/power-backend.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A serial line: what is typed on it, and a mouth to speak with. */
function line() {
  const listeners = new Set<(bytes: Uint8Array) => void>();
  const typed: string[] = [];
  const backend: PowerBackend = {
    stage: () => 'running',
    on: async () => {},
    off: async () => {},
    soft: () => {},
    onConsole(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    type: (bytes) => void typed.push(decode(bytes)),
    onStage: () => () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  const say = (text: string): void => {
    for (const listener of listeners) listener(encode(text));
  };
  return { backend, typed, say, listeners };
}

const session = (bmcId: number): IpmiSession => ({
  bmcId,
  consoleId: bmcId,
  keys: { suite: SUITE_17, integrity: new Uint8Array(), encryption: new Uint8Array() },
  account: { id: '2', userName: 'admin', password: '', role: 'Administrator', enabled: true },
  limit: 4,
  level: 4,
  peer: { address: '127.0.0.1', port: 1 },
  usedAt: 0,
  heard: { highest: 0, seen: 1 },
  sent: 0,
});

function rig(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const stop = new AbortController();
  t.after(() => stop.abort());
  const serial = line();
  const sent: (SolPacket & { readonly to: number })[] = [];
  const own = session(1);
  const console: SerialOverLan = openSerialOverLan({
    backend: serial.backend,
    send(to, payload) {
      const packet = decodeSol(payload);
      assert.ok(packet.ok);
      sent.push({ ...packet.value, to: to.bmcId });
    },
    signal: stop.signal,
  });
  assert.equal(console.activate(own), true);
  const hear = (packet: Partial<SolPacket>): void =>
    console.receive(own, { sequence: 0, acknowledges: 0, accepted: 0, bits: 0, characters: encode(''), ...packet });
  return { ...serial, console, own, sent, hear };
}

test('one packet goes at a time, and the next when it was taken', (t) => {
  const { say, sent, hear } = rig(t);
  say('one');
  say('two');
  assert.deepEqual(
    sent.map(({ sequence, characters }) => [sequence, decode(characters)]),
    [[1, 'one']],
  );
  hear({ acknowledges: 1, accepted: 3 });
  assert.deepEqual([sent[1]?.sequence, decode(sent[1]?.characters ?? encode(''))], [2, 'two']);
});

test('what was taken in part comes again in the next packet, before what is newer', (t) => {
  const { say, sent, hear } = rig(t);
  say('abcdef');
  say('ghi');
  hear({ acknowledges: 1, accepted: 2 });
  assert.equal(decode(sent[1]?.characters ?? encode('')), 'cdefghi');
});

test('numbers go from 15 to 1, for 0 is none', (t) => {
  const { say, sent, hear } = rig(t);
  for (let packet = 0; packet < 17; packet++) {
    say('x');
    hear({ acknowledges: (packet % 15) + 1, accepted: 1 });
  }
  assert.deepEqual(sent.map(({ sequence }) => sequence).slice(13), [14, 15, 1, 2]);
});

test('what nobody acknowledges is sent again, eight times in all, and then given up', (t) => {
  const { say, sent } = rig(t);
  say('lost');
  say('next');
  for (let tries = 0; tries < 7; tries++) t.mock.timers.tick(500);
  assert.equal(sent.length, 8);
  assert.ok(sent.every(({ sequence }) => sequence === 1));
  t.mock.timers.tick(500);
  assert.deepEqual([sent[8]?.sequence, decode(sent[8]?.characters ?? encode(''))], [2, 'next']);
});

test('a console that takes nothing now gets the same packet later', (t) => {
  const { say, sent, hear } = rig(t);
  say('wait');
  hear({ acknowledges: 1, bits: 0x40 });
  assert.equal(sent.length, 1);
  t.mock.timers.tick(500);
  assert.deepEqual([sent[1]?.sequence, decode(sent[1]?.characters ?? encode(''))], [1, 'wait']);
});

test('what is typed is typed once, and acknowledged as often as it comes', (t) => {
  const { typed, sent, hear } = rig(t);
  hear({ sequence: 3, characters: encode('ls\r') });
  hear({ sequence: 3, characters: encode('ls\r') });
  assert.deepEqual(typed, ['ls\r']);
  assert.deepEqual(
    sent.map(({ sequence, acknowledges, accepted }) => [sequence, acknowledges, accepted]),
    [
      [0, 3, 3],
      [0, 3, 3],
    ],
  );
});

test('long output is cut into packets, and what overflows is told', (t) => {
  const { say, sent, hear } = rig(t);
  say('x'.repeat(20_000));
  assert.equal(sent[0]?.characters.length, SOL_CHARACTERS);
  assert.equal(sent[0].bits & 0x08, 0x08);
  hear({ acknowledges: 1, accepted: SOL_CHARACTERS });
  assert.equal((sent[1]?.bits ?? 0) & 0x08, 0);
});

test('another session does not get it, and the first is told when it is taken away', (t) => {
  const { console, sent, own, listeners } = rig(t);
  const other = session(2);
  assert.equal(console.activate(own), true);
  assert.equal(console.activate(other), false);
  console.deactivate();
  assert.deepEqual([sent.at(-1)?.to, sent.at(-1)?.bits], [1, 0x10]);
  assert.equal(listeners.size, 0);
  assert.equal(console.activate(other), true);
  // Whoever had it before types into nothing.
  console.receive(own, { sequence: 1, acknowledges: 0, accepted: 0, bits: 0, characters: encode('rm') });
  assert.equal(console.holder(), other);
});
