import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { rackBmc, USER } from '../rig.ts';
import { commandRig } from './command-rig.ts';

/** The same numbers each time. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % below;
  };
}

test('every command, with data of any length and kind, ends in a completion code', () => {
  const roll = dice(7);
  for (let round = 0; round < 20; round++) {
    const { ask, session } = commandRig();
    for (const netFn of [0x00, 0x06, 0x0a, 0x0c, 0x2c]) {
      for (let command = 0; command < 0x60; command++) {
        const data = Array.from({ length: roll(24) }, () => roll(256).toString(16).padStart(2, '0')).join('');
        const request = netFn.toString(16).padStart(2, '0') + command.toString(16).padStart(2, '0') + data;
        assert.match(ask(request, session), /^(?:silence|[0-9a-f]{2,})$/, request);
      }
    }
  }
});

test('noise is met with silence or a refusal, and whoever has a session is served', async () => {
  await using at = await rackBmc();
  await using client = await openIpmi({ type: 'ipmi', address: at.bmc.ipmi, credential: USER });
  const signal = AbortSignal.timeout(20_000);
  assert.equal((await client.status(signal)).power, 'off');
  const socket = createSocket('udp4');
  const roll = dice(11);
  const heads = [
    '0600ff06000011be80',
    '0600ff0700',
    '0600ff0706',
    '0600ff070610',
    '0600ff070612',
    '0600ff070614',
    '0600ff0706c0',
    '0600ff070641',
  ];
  for (let round = 0; round < 2000; round++) {
    const head = Buffer.from(heads[round % heads.length] ?? '', 'hex');
    const tail = Uint8Array.from({ length: roll(80) }, () => roll(256));
    // Sessions of their own, and lengths that fit, lead further in.
    if (round % 3 === 0) tail.fill(0, 0, 8);
    if (tail.length > 10) tail.set([tail.length - 10, 0], 8);
    socket.send(Buffer.concat([head, tail]), at.port.ipmi, '127.0.0.1');
    if (round % 100 === 0) assert.equal((await client.status(signal)).power, 'off');
  }
  socket.close();
  await once(socket, 'close');
  assert.equal((await client.status(signal)).power, 'off');
  assert.equal(at.boots.length, 0);
});
