import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MacAddress } from '#machines/values/mac-address.ts';
import type { Ipv4 } from '#machines/values/ip-address.ts';
import { arpProbe, parseNeighbours } from '#server/dhcp4/conflict-probe.ts';
import { ip, mac } from './world.ts';

const ADDRESS = ip('192.168.77.100');
const CLIENT = mac('52:54:00:00:00:01');
const STRANGER = mac('52:54:00:00:00:99');

const TABLE = `IP address       HW type     Flags       HW address            Mask     Device
192.168.77.100   0x1         0x2         52:54:00:00:00:99     *        eth1
192.168.77.101   0x1         0x0         00:00:00:00:00:00     *        eth1
192.168.77.102   0x1         0x2         52:54:00:00:00:98     *        eth2
`;

test('the kernel’s table tells who answered on an interface', () => {
  assert.deepEqual([...parseNeighbours(TABLE, 'eth1')], [[ADDRESS, STRANGER]]);
  assert.deepEqual([...parseNeighbours('', 'eth1')], []);
});

describe('an address is asked for', () => {
  /** What the table shows before and after the knock. */
  const probe = async (before: MacAddress | undefined, after: MacAddress | undefined) => {
    let knocked = false;
    const ask = arpProbe({
      timeoutMs: 150,
      neighbours: async () => {
        const owner = knocked ? after : before;
        return new Map<Ipv4, MacAddress>(owner ? [[ADDRESS, owner]] : []);
      },
    });
    const knock = () => {
      knocked = true;
    };
    const found = await ask({ address: ADDRESS, interface: 'eth1', client: CLIENT, knock });
    assert.ok(knocked);
    return found;
  };

  test('nobody answers', async () => assert.equal(await probe(undefined, undefined), 'silent'));
  test('a stranger answers', async () => assert.equal(await probe(undefined, STRANGER), 'in-use'));
  test('the client itself answers, with the address it had from elsewhere', async () =>
    assert.equal(await probe(undefined, CLIENT), 'silent'));
  test('a stranger was there before: the kernel has to find out first', async () =>
    assert.equal(await probe(STRANGER, STRANGER), 'unclear'));
  test('the client was there before', async () => assert.equal(await probe(CLIENT, CLIENT), 'silent'));
});
