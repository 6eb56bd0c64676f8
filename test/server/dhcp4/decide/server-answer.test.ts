import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { getOption, rawOption } from '#server/dhcp4/wire/options.ts';
import type { OptionValues } from '#server/dhcp4/wire/option-table.ts';
import type { Dhcp4Message } from '#server/dhcp4/wire/message.ts';
import { clientMessage, ip, mac, subnetOf } from '../world.ts';
import {
  BROADCAST,
  binding,
  decide,
  inShort,
  LAB,
  LINK,
  MAC,
  NOW,
  OTHER,
  replyOf,
  SERVER,
  type Situation,
  silenceOf,
  unicastFrom,
} from './question.ts';

type Row = {
  readonly name: string;
  readonly type: NonNullable<OptionValues['messageType']>;
  readonly values?: OptionValues;
  readonly fields?: Partial<Dhcp4Message>;
  readonly given?: Situation;
  readonly want: string;
};

const own = (address: string) => ({ bindings: [binding(address, MAC)] });
const AUTHORITATIVE = [{ ...LAB, authoritative: true }];

/** RFC 2131 §4.3 and table 4, row by row. */
const ROWS: readonly Row[] = [
  // DISCOVER: which address
  { name: 'a newcomer is offered the first address of the pool', type: 'DISCOVER', want: 'OFFER 192.168.77.100' },
  {
    name: 'whoever has a lease is offered it again',
    type: 'DISCOVER',
    given: own('192.168.77.101'),
    want: 'OFFER 192.168.77.101',
  },
  {
    name: 'whoever had a lease gets its address back if nobody took it',
    type: 'DISCOVER',
    given: { bindings: [binding('192.168.77.101', MAC, { expiresAt: NOW - 1 })] },
    want: 'OFFER 192.168.77.101',
  },
  {
    name: 'whoever gave its address back gets it again',
    type: 'DISCOVER',
    given: { bindings: [binding('192.168.77.101', MAC, { state: 'released', expiresAt: NOW - 1 })] },
    want: 'OFFER 192.168.77.101',
  },
  {
    name: 'what was offered once is offered again',
    type: 'DISCOVER',
    given: { holds: [{ address: '192.168.77.102', key: MAC }] },
    want: 'OFFER 192.168.77.102',
  },
  {
    name: 'an address that is asked for and free is offered',
    type: 'DISCOVER',
    values: { requestedAddress: ip('192.168.77.102') },
    want: 'OFFER 192.168.77.102',
  },
  {
    name: 'an address outside the pools is not given for the asking',
    type: 'DISCOVER',
    values: { requestedAddress: ip('192.168.77.50') },
    want: 'OFFER 192.168.77.100',
  },
  {
    name: 'an address of another client is not given for the asking',
    type: 'DISCOVER',
    values: { requestedAddress: ip('192.168.77.101') },
    given: { bindings: [binding('192.168.77.101', OTHER)] },
    want: 'OFFER 192.168.77.100',
  },
  {
    name: 'an address offered to another client is not offered to a second one',
    type: 'DISCOVER',
    given: { holds: [{ address: '192.168.77.100', key: OTHER }] },
    want: 'OFFER 192.168.77.101',
  },
  {
    name: 'an offer that nobody took is free after a minute',
    type: 'DISCOVER',
    given: { holds: [{ address: '192.168.77.100', key: OTHER, at: NOW - 60_000 }] },
    want: 'OFFER 192.168.77.100',
  },
  {
    name: 'a reservation goes before everything else',
    type: 'DISCOVER',
    given: { ...own('192.168.77.101'), reservation: ip('192.168.77.12') },
    want: 'OFFER 192.168.77.12',
  },
  {
    name: 'a reserved address in a pool is given to nobody else',
    type: 'DISCOVER',
    given: { reserved: [ip('192.168.77.100')] },
    want: 'OFFER 192.168.77.101',
  },
  {
    name: 'the lease of an address that was reserved for another machine since is not offered again',
    type: 'DISCOVER',
    given: { ...own('192.168.77.101'), reserved: [ip('192.168.77.101')] },
    want: 'OFFER 192.168.77.100',
  },
  {
    name: 'a reservation that a stranger holds is not offered, and nothing in its place',
    type: 'DISCOVER',
    given: { reservation: ip('192.168.77.12'), bindings: [binding('192.168.77.12', OTHER)] },
    want: 'silence address-taken',
  },
  {
    name: 'a reservation that another network card of the machine holds leaves an address of the pool',
    type: 'DISCOVER',
    given: { reservation: ip('192.168.77.12'), bindings: [binding('192.168.77.12', OTHER)], sameMachine: [OTHER] },
    want: 'OFFER 192.168.77.100',
  },
  {
    name: 'addresses never leased go before those that were',
    type: 'DISCOVER',
    given: { bindings: [binding('192.168.77.100', OTHER, { expiresAt: NOW - 1 })] },
    want: 'OFFER 192.168.77.101',
  },
  {
    name: 'of those that were leased, the one free for longest goes first',
    type: 'DISCOVER',
    given: {
      bindings: [
        binding('192.168.77.100', 'a', { expiresAt: NOW - 10 }),
        binding('192.168.77.101', 'b', { expiresAt: NOW - 30 }),
        binding('192.168.77.102', 'c', { expiresAt: NOW - 20 }),
      ],
    },
    want: 'OFFER 192.168.77.101',
  },
  {
    name: 'an exhausted pool is an answer',
    type: 'DISCOVER',
    given: { bindings: ['100', '101', '102'].map((last) => binding(`192.168.77.${last}`, `k${last}`)) },
    want: 'silence pool-exhausted',
  },
  {
    name: 'a declined address is given to nobody, whose it was included',
    type: 'DISCOVER',
    given: { bindings: [binding('192.168.77.100', MAC, { state: 'declined' })] },
    want: 'OFFER 192.168.77.101',
  },
  {
    name: 'beside another DHCP server nobody new gets a lease',
    type: 'DISCOVER',
    given: { noNewLeases: { code: 'other-server', because: 'another server leases here' } },
    want: 'silence other-server',
  },
  {
    name: 'beside another DHCP server whoever has a lease keeps it',
    type: 'DISCOVER',
    given: { ...own('192.168.77.101'), noNewLeases: { code: 'other-server', because: 'another' } },
    want: 'OFFER 192.168.77.101',
  },

  // REQUEST, selecting: 54 and 50
  {
    name: 'our offer is taken',
    type: 'REQUEST',
    values: { serverId: SERVER, requestedAddress: ip('192.168.77.100') },
    given: { holds: [{ address: '192.168.77.100', key: MAC }] },
    want: 'ACK 192.168.77.100',
  },
  {
    name: 'our offer is taken after a restart that forgot it, if the address is free',
    type: 'REQUEST',
    values: { serverId: SERVER, requestedAddress: ip('192.168.77.100') },
    want: 'ACK 192.168.77.100',
  },
  {
    name: 'an address that was not offered and is not free is refused',
    type: 'REQUEST',
    values: { serverId: SERVER, requestedAddress: ip('192.168.77.100') },
    given: { bindings: [binding('192.168.77.100', OTHER)] },
    want: 'NAK',
  },
  {
    name: 'an address that was offered to another client is refused',
    type: 'REQUEST',
    values: { serverId: SERVER, requestedAddress: ip('192.168.77.100') },
    given: { holds: [{ address: '192.168.77.100', key: OTHER }] },
    want: 'NAK',
  },
  {
    name: 'an address in no pool is refused',
    type: 'REQUEST',
    values: { serverId: SERVER, requestedAddress: ip('192.168.77.50') },
    want: 'NAK',
  },
  {
    name: 'an address of another network is refused',
    type: 'REQUEST',
    values: { serverId: SERVER, requestedAddress: ip('10.0.0.1') },
    want: 'NAK',
  },
  {
    name: 'an address reserved for another machine is refused',
    type: 'REQUEST',
    values: { serverId: SERVER, requestedAddress: ip('192.168.77.100') },
    given: { reserved: [ip('192.168.77.100')] },
    want: 'NAK',
  },
  {
    name: 'a reservation held by another client is not acknowledged',
    type: 'REQUEST',
    values: { serverId: SERVER, requestedAddress: ip('192.168.77.12') },
    given: { reservation: ip('192.168.77.12'), bindings: [binding('192.168.77.12', OTHER)] },
    want: 'NAK',
  },
  {
    name: 'a client that takes another server’s offer is left to it, and what it was offered is free',
    type: 'REQUEST',
    values: { serverId: ip('192.168.77.9'), requestedAddress: ip('192.168.77.30') },
    given: { holds: [{ address: '192.168.77.100', key: MAC }] },
    want: 'silence other-server drop-hold',
  },
  {
    name: 'a client that selects us and names no address is not answered',
    type: 'REQUEST',
    values: { serverId: SERVER },
    want: 'silence ignored',
  },
  {
    name: 'a client that leaves 54 out when it selects has its offer',
    type: 'REQUEST',
    values: { requestedAddress: ip('192.168.77.100') },
    given: { holds: [{ address: '192.168.77.100', key: MAC }] },
    want: 'ACK 192.168.77.100',
  },

  // REQUEST, init-reboot: only 50
  {
    name: 'a client that rebooted keeps its address',
    type: 'REQUEST',
    values: { requestedAddress: ip('192.168.77.101') },
    given: own('192.168.77.101'),
    want: 'ACK 192.168.77.101',
  },
  {
    name: 'a client that rebooted keeps its address although the lease ran out, if it is free',
    type: 'REQUEST',
    values: { requestedAddress: ip('192.168.77.101') },
    given: { bindings: [binding('192.168.77.101', MAC, { expiresAt: NOW - 1 })] },
    want: 'ACK 192.168.77.101',
  },
  {
    name: 'a client that was moved hears that this is another network, authoritative or not',
    type: 'REQUEST',
    values: { requestedAddress: ip('10.0.0.7') },
    want: 'NAK',
  },
  {
    name: 'a known client that remembers another address is refused',
    type: 'REQUEST',
    values: { requestedAddress: ip('192.168.77.102') },
    given: own('192.168.77.101'),
    want: 'NAK',
  },
  {
    name: 'a client whose reservation is another address is refused',
    type: 'REQUEST',
    values: { requestedAddress: ip('192.168.77.101') },
    given: { ...own('192.168.77.101'), reservation: ip('192.168.77.12') },
    want: 'NAK',
  },
  {
    name: 'an unknown client is left to whoever knows it',
    type: 'REQUEST',
    values: { requestedAddress: ip('192.168.77.101') },
    want: 'silence no-lease',
  },
  {
    name: 'an unknown client is refused where the network is ours alone',
    type: 'REQUEST',
    values: { requestedAddress: ip('192.168.77.101') },
    given: { subnets: AUTHORITATIVE },
    want: 'NAK',
  },

  // REQUEST, renewing and rebinding: ciaddr
  {
    name: 'a lease is renewed',
    type: 'REQUEST',
    fields: { ciaddr: ip('192.168.77.101') },
    given: { ...own('192.168.77.101'), arrival: unicastFrom(ip('192.168.77.101')) },
    want: 'ACK 192.168.77.101',
  },
  {
    name: 'a renewal that carries 50 is a renewal',
    type: 'REQUEST',
    values: { requestedAddress: ip('192.168.77.102') },
    fields: { ciaddr: ip('192.168.77.101') },
    given: { ...own('192.168.77.101'), arrival: unicastFrom(ip('192.168.77.101')) },
    want: 'ACK 192.168.77.101',
  },
  {
    name: 'a lease is renewed although the machine has a reservation elsewhere by now',
    type: 'REQUEST',
    fields: { ciaddr: ip('192.168.77.101') },
    given: { ...own('192.168.77.101'), reservation: ip('192.168.77.12'), arrival: unicastFrom(ip('192.168.77.101')) },
    want: 'ACK 192.168.77.101',
  },
  {
    name: 'a lease of an address that is reserved for another machine by now is not renewed',
    type: 'REQUEST',
    fields: { ciaddr: ip('192.168.77.101') },
    given: { ...own('192.168.77.101'), reserved: [ip('192.168.77.101')], arrival: unicastFrom(ip('192.168.77.101')) },
    want: 'NAK',
  },
  {
    name: 'an unknown client’s renewal is left to whoever knows it',
    type: 'REQUEST',
    fields: { ciaddr: ip('192.168.77.101') },
    given: { arrival: unicastFrom(ip('192.168.77.101')) },
    want: 'silence no-lease',
  },
  {
    name: 'an unknown client’s renewal is refused where the network is ours alone',
    type: 'REQUEST',
    fields: { ciaddr: ip('192.168.77.101') },
    given: { subnets: AUTHORITATIVE, arrival: unicastFrom(ip('192.168.77.101')) },
    want: 'NAK',
  },
  {
    name: 'a lease is rebound by broadcast',
    type: 'REQUEST',
    fields: { ciaddr: ip('192.168.77.101') },
    given: own('192.168.77.101'),
    want: 'ACK 192.168.77.101',
  },
  {
    name: 'a client that was moved while it ran hears it when it rebinds',
    type: 'REQUEST',
    fields: { ciaddr: ip('10.0.0.7') },
    given: { subnets: [LAB, subnetOf({ cidr: '10.0.0.0/24' })] },
    want: 'NAK',
  },
  { name: 'a REQUEST that asks for nothing is not answered', type: 'REQUEST', want: 'silence ignored' },

  // DECLINE, RELEASE, INFORM
  {
    name: 'an address that its client finds in use is nobody’s for a day',
    type: 'DECLINE',
    values: { serverId: SERVER, requestedAddress: ip('192.168.77.101') },
    given: own('192.168.77.101'),
    want: 'silence ignored decline',
  },
  {
    name: 'an address is declined only by whom it was given to',
    type: 'DECLINE',
    values: { serverId: SERVER, requestedAddress: ip('192.168.77.101') },
    given: { bindings: [binding('192.168.77.101', OTHER)] },
    want: 'silence ignored',
  },
  {
    name: 'an address of another server is declined there',
    type: 'DECLINE',
    values: { serverId: ip('192.168.77.9'), requestedAddress: ip('192.168.77.101') },
    given: own('192.168.77.101'),
    want: 'silence other-server',
  },
  {
    name: 'a lease is given back',
    type: 'RELEASE',
    values: { serverId: SERVER },
    fields: { ciaddr: ip('192.168.77.101') },
    given: { ...own('192.168.77.101'), arrival: unicastFrom(ip('192.168.77.101')) },
    want: 'silence ignored release',
  },
  {
    name: 'a lease is given back only by its holder',
    type: 'RELEASE',
    values: { serverId: SERVER },
    fields: { ciaddr: ip('192.168.77.101') },
    given: { bindings: [binding('192.168.77.101', OTHER)], arrival: unicastFrom(ip('192.168.77.101')) },
    want: 'silence ignored',
  },
  {
    name: 'a client with an address of its own is told the rest',
    type: 'INFORM',
    fields: { ciaddr: ip('192.168.77.30') },
    given: { arrival: unicastFrom(ip('192.168.77.30')) },
    want: 'ACK 0.0.0.0',
  },
  { name: 'what only servers send is not answered', type: 'OFFER', want: 'silence ignored' },
];

describe('server mode answers', () => {
  for (const { name, type, values = {}, fields = {}, given = {}, want } of ROWS) {
    test(name, () => {
      assert.equal(inShort(decide(clientMessage(MAC, { messageType: type, ...values }, fields), given)), want);
    });
  }
});

describe('what an answer holds', () => {
  const DISCOVER = clientMessage(MAC, { messageType: 'DISCOVER' });

  test('an OFFER has lease time and server, the network’s options, and zero for ciaddr', () => {
    const { message } = replyOf(decide(DISCOVER));
    assert.equal(message.ciaddr, '0.0.0.0');
    assert.equal(message.siaddr, '0.0.0.0');
    assert.equal(getOption(message.options, 'serverId'), SERVER);
    assert.equal(getOption(message.options, 'leaseSeconds'), 3600);
    assert.equal(getOption(message.options, 'subnetMask'), '255.255.255.0');
    assert.deepEqual(getOption(message.options, 'router'), [SERVER]);
    assert.equal(getOption(message.options, 'domainName'), 'lab');
    for (const code of [50, 55, 57, 58, 59]) assert.equal(rawOption(message.options, code), undefined, String(code));
  });

  test('only what was asked for, but always mask, lease time and server', () => {
    const asked = clientMessage(MAC, { messageType: 'DISCOVER', parameterRequestList: Uint8Array.of(3) });
    const codes = replyOf(decide(asked)).message.options.map(({ code }) => code);
    assert.deepEqual(
      codes.toSorted((one, other) => one - other),
      [1, 3, 51, 53, 54],
    );
  });

  test('xid, flags, chaddr, htype and the client identifier go back as they came; secs and hops are zero', () => {
    const asked = clientMessage(
      MAC,
      { messageType: 'DISCOVER', clientId: Uint8Array.of(255, 1, 2) },
      { xid: 0xdead_beef, flags: 0x8000, secs: 9, hops: 3 },
    );
    const { message } = replyOf(decide(asked));
    assert.deepEqual(
      [message.op, message.xid, message.flags, message.secs, message.hops, message.htype, message.hlen],
      [2, 0xdead_beef, 0x8000, 0, 0, 1, 6],
    );
    assert.deepEqual(message.chaddr, asked.chaddr);
    assert.deepEqual([...(rawOption(message.options, 61) ?? [])], [255, 1, 2]);
  });

  test('a NAK has no address, no name, and only 53, 54, 56, 61 and 82', () => {
    const asked = clientMessage(MAC, {
      messageType: 'REQUEST',
      serverId: SERVER,
      requestedAddress: ip('10.0.0.1'),
      clientId: Uint8Array.of(1, 2),
    });
    const { message } = replyOf(decide(asked));
    assert.deepEqual(
      [message.ciaddr, message.yiaddr, message.siaddr, message.file],
      ['0.0.0.0', '0.0.0.0', '0.0.0.0', ''],
    );
    assert.deepEqual(
      message.options.map(({ code }) => code).toSorted((one, other) => one - other),
      [53, 54, 56, 61],
    );
  });

  test('an ACK copies ciaddr, and is bound before it leaves', () => {
    const asked = clientMessage(MAC, { messageType: 'REQUEST', hostName: 'node1' }, { ciaddr: ip('192.168.77.101') });
    const answer = replyOf(
      decide(asked, { bindings: [binding('192.168.77.101', MAC)], arrival: unicastFrom(ip('192.168.77.101')) }),
    );
    assert.equal(answer.message.ciaddr, '192.168.77.101');
    assert.ok(answer.first?.kind === 'bind');
    assert.deepEqual(answer.first.binding, {
      address: '192.168.77.101',
      key: MAC,
      mac: MAC,
      hostname: 'node1',
      state: 'bound',
      boundAt: NOW,
      expiresAt: NOW + 3_600_000,
    });
  });

  test('an answer to INFORM has no lease time', () => {
    const asked = clientMessage(MAC, { messageType: 'INFORM' }, { ciaddr: ip('192.168.77.30') });
    const { message, to } = replyOf(decide(asked, { arrival: unicastFrom(ip('192.168.77.30')) }));
    for (const code of [51, 58, 59]) assert.equal(rawOption(message.options, code), undefined);
    assert.deepEqual(getOption(message.options, 'router'), [SERVER]);
    assert.deepEqual(to, { address: '192.168.77.30', port: 68 });
  });

  test('two relays that send the same request on (VRRP) get the same address, each its own answer', () => {
    const answers = ['192.168.77.2', '192.168.77.3'].map((giaddr) => {
      const asked = clientMessage(MAC, { messageType: 'DISCOVER' }, { giaddr: ip(giaddr) });
      const holds = [{ address: '192.168.77.101', key: MAC }];
      return replyOf(decide(asked, { holds, arrival: unicastFrom(ip(giaddr)) }));
    });
    assert.deepEqual(
      answers.map(({ message, to }) => ({ yiaddr: message.yiaddr, giaddr: message.giaddr, to })),
      ['192.168.77.2', '192.168.77.3'].map((giaddr) => ({
        yiaddr: '192.168.77.101',
        giaddr,
        to: { address: giaddr, port: 67 },
      })),
    );
  });

  test('subnet selection is echoed where it was used (RFC 3011)', () => {
    const asked = clientMessage(MAC, { messageType: 'DISCOVER', subnetSelection: ip('192.168.77.0') });
    assert.equal(getOption(replyOf(decide(asked)).message.options, 'subnetSelection'), '192.168.77.0');
  });

  test('only an address that was nobody’s is asked for on the network before it is offered', () => {
    const probes = (given: Situation) => {
      const { first } = replyOf(decide(DISCOVER, given));
      return first?.kind === 'hold' && first.probe;
    };
    assert.equal(probes({}), true);
    assert.equal(probes({ bindings: [binding('192.168.77.101', MAC)] }), false);
    assert.equal(probes({ reservation: ip('192.168.77.12') }), false);
    assert.equal(probes({ holds: [{ address: '192.168.77.101', key: MAC }] }), false);
    assert.equal(probes({ arrival: { ...BROADCAST, link: { ...LINK }, local: ip('127.0.0.1') } }), false);
  });

  test('what is declined is declined for a day', () => {
    const asked = clientMessage(MAC, { messageType: 'DECLINE', requestedAddress: ip('192.168.77.101') });
    const { effect } = silenceOf(decide(asked, { bindings: [binding('192.168.77.101', MAC)] }));
    assert.ok(effect?.kind === 'decline');
    assert.equal(effect.binding.expiresAt, NOW + 24 * 3_600_000);
  });
});

describe('who leases', () => {
  test('by MAC, whatever its client identifier', () => {
    const given = { bindings: [binding('192.168.77.101', MAC)] };
    for (const clientId of [Uint8Array.of(1, 0x52, 0x54, 0, 0, 0, 1), Uint8Array.of(255, 9, 9, 9, 9, 0, 2)]) {
      const asked = clientMessage(MAC, { messageType: 'DISCOVER', clientId });
      assert.equal(inShort(decide(asked, given)), 'OFFER 192.168.77.101');
    }
  });

  test('a client on InfiniBand by its client identifier', () => {
    const asked = clientMessage(
      MAC,
      { messageType: 'DISCOVER', clientId: Uint8Array.of(255, 7) },
      { htype: 32, hlen: 0 },
    );
    const { first } = replyOf(decide(asked));
    assert.ok(first?.kind === 'hold');
    assert.equal(first.key, 'id:ff07');
  });

  test('nobody whose address was never programmed', () => {
    for (const nobody of [mac('00:00:00:00:00:00'), mac('ff:ff:ff:ff:ff:ff')]) {
      assert.equal(inShort(decide(clientMessage(nobody, { messageType: 'DISCOVER' }))), 'silence ignored');
    }
  });
});
