import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Arrival } from '#server/dhcp4/decide/arrival.ts';
import { asNak, destinationOf } from '#server/dhcp4/decide/destination.ts';
import { type Dhcp4Message, wantsBroadcast } from '#server/dhcp4/wire/message.ts';
import { getOption, withRawOption } from '#server/dhcp4/wire/options.ts';
import { clientMessage, ip } from '../world.ts';
import { BROADCAST, MAC, unicastFrom } from './question.ts';

const RELAY = { giaddr: ip('10.0.0.1') };
const CLIENT = { ciaddr: ip('192.168.77.30') };
const FROM_RELAY = unicastFrom(ip('10.0.0.1'), { source: { address: ip('10.0.0.1'), port: 1067 } });
const BOOT_SERVER = unicastFrom(ip('192.168.77.30'), {
  plane: 'boot-server',
  port: 4011,
  source: { address: ip('192.168.77.30'), port: 4012 },
});

/** RFC 2131 §4.1, first match. */
const ROWS: readonly (readonly [string, 'OFFER' | 'ACK' | 'NAK' | 'INFORM', Partial<Dhcp4Message>, Arrival, string])[] =
  [
    ['an OFFER through a relay goes to giaddr, port 67', 'OFFER', RELAY, FROM_RELAY, '10.0.0.1:67'],
    ['a NAK through a relay goes to giaddr too', 'NAK', RELAY, FROM_RELAY, '10.0.0.1:67'],
    ['a renewal through a relay goes to giaddr', 'ACK', { ...RELAY, ...CLIENT }, FROM_RELAY, '10.0.0.1:67'],
    ['a NAK is broadcast', 'NAK', CLIENT, unicastFrom(ip('192.168.77.30')), '255.255.255.255:68'],
    ['a renewal goes to the client itself', 'ACK', CLIENT, unicastFrom(ip('192.168.77.30')), '192.168.77.30:68'],
    ['whoever sets B gets a broadcast', 'OFFER', { flags: 0x8000 }, BROADCAST, '255.255.255.255:68'],
    [
      'whoever does not set B gets one as well: nobody would answer the ARP',
      'OFFER',
      {},
      BROADCAST,
      '255.255.255.255:68',
    ],
    ['INFORM is answered to ciaddr', 'INFORM', CLIENT, unicastFrom(ip('192.168.77.30')), '192.168.77.30:68'],
    [
      'INFORM is answered to ciaddr also through a relay',
      'INFORM',
      { ...RELAY, ...CLIENT },
      FROM_RELAY,
      '192.168.77.30:68',
    ],
    [
      'INFORM without ciaddr is answered to its source',
      'INFORM',
      {},
      unicastFrom(ip('192.168.77.31')),
      '192.168.77.31:68',
    ],
    ['port 4011 answers to the port that asked', 'ACK', CLIENT, BOOT_SERVER, '192.168.77.30:4012'],
  ];

describe('where an answer goes', () => {
  for (const [name, kind, fields, arrival, want] of ROWS) {
    test(name, () => {
      const message = clientMessage(MAC, {}, fields);
      const to = destinationOf({ message, relay: undefined, arrival, ports: { relay: 67, client: 68 } }, kind);
      assert.equal(`${to.address}:${to.port}`, want);
    });
  }

  test('to the port the relay sent from, if it says so (RFC 8357)', () => {
    const message = clientMessage(MAC, {}, RELAY);
    const relay = getOption(withRawOption(message.options, 82, Uint8Array.of(19, 0)), 'relayInformation');
    const to = destinationOf({ message, relay, arrival: FROM_RELAY, ports: { relay: 67, client: 68 } }, 'OFFER');
    assert.deepEqual(to, { address: '10.0.0.1', port: 1067 });
  });

  test('a NAK through a relay asks it to broadcast', () => {
    assert.equal(wantsBroadcast(asNak(clientMessage(MAC, {}, RELAY))), true);
    assert.equal(wantsBroadcast(asNak(clientMessage(MAC, {}))), false);
  });
});
