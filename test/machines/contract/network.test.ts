import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { machineDocument } from '#machines/contract/documents.ts';

/** What is wrong with a machine's network, as `path: text`. */
function wrongWith(network: unknown): readonly string[] {
  const read = machineDocument.safeParse({ kind: 'Machine', name: 'r1-u12', network });
  return read.success ? [] : read.error.issues.map(({ path, message }) => `${path.slice(1).join('.')}: ${message}`);
}

const eno1 = { name: 'eno1' };
const eno2 = { name: 'eno2' };

suite('a network is refused at the place where it is wrong', () => {
  for (const [what, network, want] of [
    ['a link without a name', { interfaces: [{ address: 'dhcp' }] }, 'interfaces.0: got neither'],
    ['a card twice', { interfaces: [eno1, eno1] }, 'interfaces.1.name: got eno1 a second time'],
    [
      'the address of a network',
      { interfaces: [{ ...eno1, address: '10.0.0.0/24' }] },
      'interfaces.0.address.0: got "10.0.0.0/24", want an address with its prefix length',
    ],
    [
      'a broadcast address',
      { interfaces: [{ ...eno1, address: ['dhcp6', '10.0.0.255/24'] }] },
      'interfaces.0.address.1: got "10.0.0.255/24"',
    ],
    [
      'a gateway out of reach',
      { interfaces: [{ ...eno1, address: '10.0.0.2/24', gateway: '10.0.1.1' }] },
      'interfaces.0.gateway: got 10.0.1.1, which is in no network of its addresses',
    ],
    [
      'an address twice',
      {
        interfaces: [
          { ...eno1, address: '10.0.0.2/24' },
          { ...eno2, address: '10.0.0.2/24' },
        ],
      },
      'interfaces.1.address.0: got 10.0.0.2, which interfaces[0] has',
    ],
    [
      'two default routes',
      {
        interfaces: [
          { ...eno1, address: '10.0.0.2/24', gateway: '10.0.0.1' },
          { ...eno2, address: '10.0.1.2/24', gateway: '10.0.1.1' },
        ],
      },
      'interfaces.1.gateway: interfaces[0].gateway is a default route too',
    ],
    [
      'host bits in a route',
      { interfaces: [{ ...eno1, address: '10.0.0.2/24', routes: [{ to: '10.2.3.4/8', via: '10.0.0.1' }] }] },
      'interfaces.0.routes.0.to: got "10.2.3.4/8", want a prefix without host bits',
    ],
    [
      'a bond of what is not there',
      { interfaces: [eno1], bonds: [{ name: 'bond0', interfaces: ['eno1', 'eno9'] }] },
      'bonds.0.interfaces.1: got eno9, want one of interfaces',
    ],
    [
      'a member with an address',
      { interfaces: [{ ...eno1, address: 'dhcp' }], bonds: [{ name: 'bond0', interfaces: ['eno1'] }] },
      'bonds.0.interfaces.0: got eno1, which has an address',
    ],
    [
      'a card in two bonds',
      {
        interfaces: [eno1],
        bonds: [
          { name: 'bond0', interfaces: ['eno1'] },
          { name: 'bond1', interfaces: ['eno1'] },
        ],
      },
      'bonds.1.interfaces.0: got eno1, which belongs to bond0',
    ],
    [
      'a VLAN on nothing',
      { vlans: [{ interface: 'eno1', id: 5 }] },
      'vlans.0.interface: got eno1, want one of interfaces or bonds',
    ],
    ['a long name', { interfaces: [{ name: 'enp0s31f6-and-more' }] }, 'interfaces.0.name: want a name of at most 15'],
    ['an unknown key', { interfaces: [{ ...eno1, adress: 'dhcp' }] }, 'interfaces.0: Unrecognized key: "adress"'],
    ['a name and a network', { use: 'rack1', interfaces: [eno1] }, 'use: got a name and a network'],
    ['a small MTU for IPv6', { interfaces: [{ ...eno1, address: 'fd00::2/64', mtu: 1000 }] }, 'interfaces.0.mtu'],
  ] as const) {
    test(what, () => {
      const found = wrongWith(network);
      assert.equal(found.length, 1, found.join('\n'));
      assert.ok(found[0]?.startsWith(want), found[0]);
    });
  }
});

test('what was read is read again to the same', () => {
  const written = {
    kind: 'Machine',
    name: 'r1-u12',
    network: { interfaces: [{ mac: '52-54-00-00-00-01', address: 'dhcp' }], dns: ['FD00::1'] },
  };
  const first = machineDocument.parse(written);
  assert.deepEqual(first.network?.interfaces[0]?.address, ['dhcp']);
  assert.equal(first.network?.interfaces[0]?.mac, '52:54:00:00:00:01');
  assert.deepEqual(machineDocument.parse(JSON.parse(JSON.stringify(first))), first);
  const byName = machineDocument.parse({ kind: 'Machine', name: 'r1-u12', network: 'rack1' });
  assert.equal(byName.network?.use, 'rack1');
  assert.deepEqual(machineDocument.parse(JSON.parse(JSON.stringify(byName))), byName);
});
