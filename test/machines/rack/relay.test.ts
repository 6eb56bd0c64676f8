import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { openRelay } from '#machines/rack/relay.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { chaddrOf, decodeDhcp4, type Dhcp4Message, EMPTY_DHCP4, encodeDhcp4 } from '#server/dhcp4/wire/message.ts';
import { getOption, makeOptions } from '#server/dhcp4/wire/options.ts';

const LOOPBACK = sure(parseIpv4('127.0.0.1'));
const GIADDR = sure(parseIpv4('127.77.0.2'));

async function serverThat(answer: (message: Dhcp4Message) => readonly Dhcp4Message[]) {
  const socket = dgram.createSocket('udp4');
  const heard: Dhcp4Message[] = [];
  socket.on('message', (bytes, from) => {
    const decoded = decodeDhcp4(bytes);
    if (decoded.kind !== 'message') return;
    heard.push(decoded.message);
    for (const one of answer(decoded.message)) socket.send(encodeDhcp4(one), from.port, from.address);
  });
  socket.bind(0, LOOPBACK);
  await once(socket, 'listening');
  return { heard, port: socket.address().port, [Symbol.dispose]: () => void socket.close() };
}

const discover = (xid: number): Dhcp4Message => ({
  ...EMPTY_DHCP4,
  xid,
  chaddr: chaddrOf(sure(parseMacAddress('52:54:00:00:00:01'))),
  options: makeOptions({ messageType: 'DISCOVER' }),
});

test('the relay names its network and its port, and gives each client its own answer', async () => {
  using server = await serverThat((message) => [
    // Somebody else's answer comes first.
    { ...message, op: 2, xid: message.xid + 1, yiaddr: GIADDR },
    { ...message, op: 2 },
  ]);
  await using relay = await openRelay({
    giaddr: GIADDR,
    port: 0,
    daemon: { address: LOOPBACK, port: server.port },
    addsInformation: true,
  });
  const answer = await relay.ask(discover(7), 'u01', () => true, 5000, AbortSignal.timeout(5000));
  assert.equal(answer?.xid, 7);
  const [heard] = server.heard;
  assert.equal(heard?.giaddr, GIADDR);
  assert.equal(heard?.hops, 1);
  const information = getOption(heard.options, 'relayInformation');
  assert.equal(information?.sourcePort, true);
  assert.equal(new TextDecoder().decode(information?.circuitId), 'u01');
  assert.equal(getOption(heard.options, 'messageType'), 'DISCOVER');
});

test('a relay that lost option 82 sends none, and silence is no answer', async () => {
  using server = await serverThat(() => []);
  await using relay = await openRelay({
    giaddr: GIADDR,
    port: 0,
    daemon: { address: LOOPBACK, port: server.port },
    addsInformation: false,
  });
  const answer = await relay.ask(discover(8), 'u01', () => true, 50, AbortSignal.timeout(5000));
  assert.equal(answer, undefined);
  assert.equal(server.heard[0] && getOption(server.heard[0].options, 'relayInformation'), undefined);
});

test('answers that came while the process was busy count, although their time is over', async () => {
  const ASKS = 100;
  const WAIT_MS = 200;
  using server = await serverThat((message) => {
    // Busy for longer than anybody waits, right after the last answer is on its way.
    if (server.heard.length === ASKS)
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * WAIT_MS));
    return [{ ...message, op: 2 }];
  });
  await using relay = await openRelay({
    giaddr: GIADDR,
    port: 0,
    daemon: { address: LOOPBACK, port: server.port },
    addsInformation: true,
  });
  const asks = Array.from({ length: ASKS }, (_, index) =>
    relay.ask(discover(100 + index), 'u01', () => true, WAIT_MS, AbortSignal.timeout(60_000)),
  );
  const answers = await Promise.all(asks);
  assert.deepEqual(
    answers.map((one) => one?.xid),
    asks.map((_, index) => 100 + index),
  );
});
