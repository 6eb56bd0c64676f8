import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Arrival } from '#server/dhcp4/decide/arrival.ts';
import { networksOf } from '#server/dhcp4/decide/network.ts';
import { placeOf } from '#server/dhcp4/decide/place.ts';
import { selectNetwork } from '#server/dhcp4/decide/select-network.ts';
import type { Dhcp4Message } from '#server/dhcp4/wire/message.ts';
import type { OptionValues } from '#server/dhcp4/wire/option-table.ts';
import { getOption, withRawOption } from '#server/dhcp4/wire/options.ts';
import { clientMessage, ip, subnetOf } from '../world.ts';
import { BROADCAST, LINK, MAC, unicastFrom } from './question.ts';

const A = subnetOf({ cidr: '192.168.77.0/24', relays: ['10.9.9.9'] });
const B = subnetOf({ cidr: '10.1.0.0/24', mode: 'proxy', discovery: 'hold' });
const C = subnetOf({ cidr: '10.2.0.0/24', relays: ['10.9.9.9'] });
const OFF = subnetOf({ cidr: '10.3.0.0/24', mode: 'off' });
const NETWORKS = networksOf([A, B, C, OFF]);

const sub = (code: number, address: string) => Uint8Array.of(code, 4, ...address.split('.').map(Number));
const RELAY_ONLY: Arrival = {
  ...BROADCAST,
  link: undefined,
  local: ip('10.9.9.1'),
  cast: 'unicast',
  source: { address: ip('10.1.0.1'), port: 67 },
};

type Row = {
  readonly name: string;
  readonly values?: OptionValues;
  readonly fields?: Partial<Dhcp4Message>;
  readonly relay?: Uint8Array;
  readonly arrival?: Arrival;
  readonly want: string;
};

const ROWS: readonly Row[] = [
  { name: 'a broadcast is on the network of its interface', want: '192.168.77.0/24 by interface' },
  {
    name: 'link selection goes first',
    fields: { giaddr: ip('10.1.0.1') },
    relay: sub(5, '10.2.0.0'),
    want: '10.2.0.0/24 by link-selection',
  },
  {
    name: 'Cisco’s link selection counts as well',
    fields: { giaddr: ip('10.1.0.1') },
    relay: sub(150, '10.2.0.0'),
    want: '10.2.0.0/24 by link-selection',
  },
  {
    name: 'link selection of a relay that nobody configured decides nothing',
    fields: { giaddr: ip('172.16.0.1') },
    relay: sub(5, '10.2.0.0'),
    want: 'unknown',
  },
  {
    name: 'link selection without a relay decides nothing',
    relay: sub(5, '10.2.0.0'),
    want: '192.168.77.0/24 by interface',
  },
  {
    name: 'link selection of a network we do not have is not guessed around',
    fields: { giaddr: ip('10.1.0.1') },
    relay: sub(5, '10.77.0.0'),
    want: 'unknown',
  },
  {
    name: 'subnet selection of the client',
    values: { subnetSelection: ip('10.2.0.0') },
    fields: { giaddr: ip('10.1.0.1') },
    want: '10.2.0.0/24 by subnet-selection',
  },
  {
    name: 'a relay that a subnet lists, outside of its prefix',
    fields: { giaddr: ip('10.9.9.9') },
    want: '192.168.77.0/24 by relay',
  },
  {
    name: 'a relay that two subnets list: the one that the client speaks of',
    fields: { giaddr: ip('10.9.9.9') },
    values: { requestedAddress: ip('10.2.0.5') },
    want: '10.2.0.0/24 by relay',
  },
  { name: 'a relay in a prefix', fields: { giaddr: ip('10.1.0.1') }, want: '10.1.0.0/24 by giaddr' },
  { name: 'a relay that nobody knows', fields: { giaddr: ip('172.16.0.1') }, want: 'unknown' },
  {
    name: 'a renewal from behind a router, by ciaddr',
    fields: { ciaddr: ip('10.2.0.7') },
    arrival: unicastFrom(ip('10.2.0.7')),
    want: '10.2.0.0/24 by ciaddr',
  },
  {
    name: 'a unicast without ciaddr, by its source',
    arrival: unicastFrom(ip('10.2.0.7')),
    want: '10.2.0.0/24 by source',
  },
  {
    name: 'a broadcast with a ciaddr of another network is on the interface’s',
    fields: { ciaddr: ip('10.2.0.7') },
    want: '192.168.77.0/24 by interface',
  },
  {
    name: 'a socket that cannot tell how it came goes by ciaddr',
    fields: { ciaddr: ip('10.2.0.7') },
    arrival: { ...BROADCAST, cast: 'unknown' },
    want: '10.2.0.0/24 by ciaddr',
  },
  {
    name: 'nothing to go by',
    arrival: { ...RELAY_ONLY, source: { address: ip('172.16.0.1'), port: 68 } },
    want: 'unknown',
  },
];

function message({ values = {}, fields = {}, relay }: Pick<Row, 'values' | 'fields' | 'relay'>): Dhcp4Message {
  const made = clientMessage(MAC, { messageType: 'DISCOVER', ...values }, fields);
  return relay ? { ...made, options: withRawOption(made.options, 82, relay) } : made;
}

describe('the network of a client', () => {
  for (const row of ROWS) {
    test(row.name, () => {
      const asked = message(row);
      const found = selectNetwork(
        asked,
        getOption(asked.options, 'relayInformation'),
        row.arrival ?? BROADCAST,
        NETWORKS,
      );
      assert.equal(found.kind === 'unknown' ? 'unknown' : `${found.network.name} by ${found.by}`, row.want);
    });
  }
});

describe('the mode of a client', () => {
  const place = (row: Pick<Row, 'values' | 'fields' | 'relay' | 'arrival'>) => {
    const asked = message(row);
    const found = placeOf(asked, getOption(asked.options, 'relayInformation'), row.arrival ?? BROADCAST, NETWORKS);
    return found.kind === 'silent' ? found.code : `${found.mode} ${found.discovery} ${found.network?.name ?? '-'}`;
  };
  const proxyLink = (address: string): Arrival => ({
    ...BROADCAST,
    link: {
      ...LINK,
      mode: 'proxy',
      discovery: 'hold',
      addresses: [{ address: ip(address), prefix: { base: ip('192.168.5.0'), bits: 24 } }],
    },
  });

  test('direct packets follow the interface', () => assert.equal(place({}), 'server off 192.168.77.0/24'));
  test('relayed packets follow the subnet, on whatever interface they come', () =>
    assert.equal(place({ fields: { giaddr: ip('10.1.0.1') } }), 'proxy hold 10.1.0.0/24'));
  test('renewals from behind a router follow the subnet', () =>
    assert.equal(
      place({ fields: { ciaddr: ip('10.1.0.7') }, arrival: unicastFrom(ip('10.1.0.7')) }),
      'proxy hold 10.1.0.0/24',
    ));
  test('a proxy needs no subnet on its own link', () =>
    assert.equal(place({ arrival: proxyLink('192.168.5.2') }), 'proxy hold -'));
  test('a proxy goes by its interface where the subnet says server', () =>
    assert.equal(place({ arrival: proxyLink('192.168.77.2') }), 'proxy hold 192.168.77.0/24'));
  test('a server without a subnet for its interface is silent', () =>
    assert.equal(place({ arrival: { ...BROADCAST, link: { ...LINK, addresses: [] } } }), 'unknown-subnet'));
  test('an unknown relay is silent, also on a proxy’s interface', () =>
    assert.equal(place({ fields: { giaddr: ip('172.16.0.1') }, arrival: proxyLink('192.168.5.2') }), 'unknown-subnet'));
  test('a subnet that is off is not served', () =>
    assert.equal(place({ fields: { giaddr: ip('10.3.0.1') } }), 'ignored'));
});
