import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HOLD_MS, leaseTable } from '#server/dhcp4/decide/lease-table.ts';
import { type Network, networksOf } from '#server/dhcp4/decide/network.ts';
import type { Ipv4 } from '#machines/values/ip-address.ts';
import { subnetOf } from '../world.ts';
import { binding, NOW } from './question.ts';

function tableOf(cidr: string, pool: string, mayGive: (ip: Ipv4) => boolean = () => true) {
  const networks = networksOf([subnetOf({ cidr, pools: [pool] })]);
  return { table: leaseTable({ networks, mayGive }), network: networks.all[0] as Network };
}

const newcomer = (key: string) => ({ key, reservation: undefined, requested: undefined });

describe('a pool', () => {
  test('of a whole /16 gives each address once, and says when it is exhausted', () => {
    const { table, network } = tableOf('10.20.0.0/16', '10.20.0.1-10.20.255.254');
    const given = new Set<string>();
    for (let index = 0; index < 65_534; index++) {
      const choice = table.choose(network, newcomer(`k${index}`), NOW);
      assert.ok(choice.kind === 'address');
      given.add(choice.ip);
      table.set(network, binding(choice.ip, `k${index}`));
    }
    assert.equal(given.size, 65_534);
    assert.equal(table.choose(network, newcomer('one more'), NOW).kind, 'exhausted');
    // All are renewed, and none is free before its new time.
    for (let index = 0; index < 65_534; index++) {
      const own = table.bindingOf(network, `k${index}`);
      assert.ok(own);
      table.set(network, { ...own, expiresAt: own.expiresAt + 1000 + index });
    }
    assert.equal(table.choose(network, newcomer('one more'), NOW + 3_600_500).kind, 'exhausted');
    const freed = table.choose(network, newcomer('one more'), NOW + 3_601_000);
    assert.ok(freed.kind === 'address');
    assert.equal(freed.ip, table.bindingOf(network, 'k0')?.address);
  });

  test('looks again at an address that was reserved for a while', () => {
    let reserved = true;
    const { table, network } = tableOf('10.0.0.0/24', '10.0.0.10-10.0.0.10', () => !reserved);
    assert.equal(table.choose(network, newcomer('a'), NOW).kind, 'exhausted');
    reserved = false;
    assert.equal(table.choose(network, newcomer('a'), NOW + 60_000).kind, 'address');
  });

  test('an address outside the pools costs nothing, however many are asked for', () => {
    const { table, network } = tableOf('10.0.0.0/8', '10.0.0.10-10.0.0.10');
    for (let index = 0; index < 1000; index++) {
      const requested = `10.9.${index % 250}.${1 + (index % 200)}` as Ipv4;
      const choice = table.choose(network, { key: `k${index}`, reservation: undefined, requested }, NOW);
      assert.ok(choice.kind === 'address' && choice.ip === '10.0.0.10');
    }
    assert.deepEqual([...table.bindings()], []);
  });
});

describe('a client', () => {
  test('has one lease in a network: taking another address frees the first', () => {
    const { table, network } = tableOf('10.0.0.0/24', '10.0.0.10-10.0.0.11');
    table.set(network, binding('10.0.0.10', 'a'));
    table.set(network, binding('10.0.0.11', 'a', { boundAt: NOW }));
    assert.equal(table.bindingOf(network, 'a')?.address, '10.0.0.11');
    assert.equal(table.otherHolder(network, '10.0.0.10' as Ipv4, 'b', NOW), undefined);
    assert.equal(table.otherHolder(network, '10.0.0.11' as Ipv4, 'b', NOW), 'a');
  });

  test('whose address was given to another begins anew', () => {
    const { table, network } = tableOf('10.0.0.0/24', '10.0.0.10-10.0.0.11');
    table.set(network, binding('10.0.0.10', 'a', { expiresAt: NOW - 1 }));
    table.set(network, binding('10.0.0.10', 'b'));
    assert.equal(table.bindingOf(network, 'a'), undefined);
  });
});

/** A pool of four addresses and a handful of clients; every state that a server can be in is near. */
const event = fc.oneof(
  fc.record({
    kind: fc.constant('discover' as const),
    client: fc.nat(6),
    requested: fc.option(fc.nat(5), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('bind' as const), client: fc.nat(6) }),
  fc.record({ kind: fc.constant('release' as const), client: fc.nat(6) }),
  fc.record({ kind: fc.constant('decline' as const), client: fc.nat(6) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1000, 30_000, HOLD_MS, 120_000) }),
);

test('no address is ever two clients’, and a free one is always found', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), (events) => {
      const { table, network } = tableOf('10.0.0.0/24', '10.0.0.10-10.0.0.13');
      const pool = [10, 11, 12, 13].map((last) => `10.0.0.${last}` as Ipv4);
      const leases = new Map<Ipv4, { key: string; until: number; declined: boolean }>();
      const offers = new Map<string, { ip: Ipv4; until: number }>();
      let now = NOW;
      const usedByOther = (ip: Ipv4, key: string) => {
        const lease = leases.get(ip);
        if (lease && lease.until > now && (lease.key !== key || lease.declined)) return true;
        return [...offers].some(([other, offer]) => other !== key && offer.ip === ip && offer.until > now);
      };
      for (const one of events) {
        if (one.kind === 'wait') {
          now += one.ms;
          continue;
        }
        const key = `c${one.client}`;
        switch (one.kind) {
          case 'discover': {
            const requested = one.requested === undefined ? undefined : (`10.0.0.${8 + one.requested}` as Ipv4);
            const choice = table.choose(network, { key, reservation: undefined, requested }, now);
            if (choice.kind !== 'address') {
              assert.ok(
                pool.every((ip) => usedByOther(ip, key)),
                `exhausted, but one is free`,
              );
              break;
            }
            assert.ok(!usedByOther(choice.ip, key), `${choice.ip} is another's`);
            table.hold(network, choice.ip, key, now);
            offers.set(key, { ip: choice.ip, until: now + HOLD_MS });
            break;
          }
          case 'bind': {
            const offer = offers.get(key);
            if (!offer || offer.until <= now) break;
            assert.equal(table.otherHolder(network, offer.ip, key, now), undefined);
            table.set(network, { address: offer.ip, key, state: 'bound', boundAt: now, expiresAt: now + 100_000 });
            for (const [ip, lease] of leases) if (lease.key === key && !lease.declined) leases.delete(ip);
            leases.set(offer.ip, { key, until: now + 100_000, declined: false });
            offers.delete(key);
            break;
          }
          case 'release': {
            const own = table.bindingOf(network, key);
            if (!own || own.state !== 'bound') break;
            table.set(network, { ...own, state: 'released', expiresAt: Math.min(now, own.expiresAt) });
            leases.delete(own.address);
            offers.delete(key);
            break;
          }
          case 'decline': {
            const own = table.bindingOf(network, key);
            if (!own || own.state !== 'bound' || own.expiresAt <= now) break;
            table.set(network, { ...own, state: 'declined', expiresAt: now + 200_000 });
            leases.set(own.address, { key, until: now + 200_000, declined: true });
            offers.delete(key);
            break;
          }
          default:
            one satisfies never;
        }
      }
    }),
    { numRuns: 2000 },
  );
});
