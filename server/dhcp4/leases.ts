import { type Ipv4, isIpv6 } from '#machines/values/ip-address.ts';
import type { Lease, LeaseStore } from '#services/store/contract.ts';
import type { Binding } from './decide/binding.ts';
import { leaseTable } from './decide/lease-table.ts';
import { type Network, networkOf, type Networks } from './decide/network.ts';

export type Leases = Awaited<ReturnType<typeof openLeases>>;

/**
 * The table in memory, with the store behind it: what the store has accepted is in the table, and never sooner. Rejects
 * if the store cannot be read; the promises of the verbs reject if it cannot be written.
 */
export async function openLeases({
  store,
  site,
  networks,
  mayGive,
  now,
}: {
  readonly store: LeaseStore;
  readonly site: string;
  readonly networks: Networks;
  readonly mayGive: (ip: Ipv4) => boolean;
  readonly now: () => number;
}) {
  const table = leaseTable({ networks, mayGive });
  const startedAt = now();
  // Oldest first, so that a client's newest lease is the one that counts.
  for (const lease of (await store.all()).toSorted((one, other) => one.boundAt - other.boundAt)) {
    if (lease.site !== site || isIpv6(lease.address)) continue;
    const network = networkOf(networks, lease.address);
    if (network) table.set(network, bindingOf(lease, lease.address, startedAt));
  }

  return {
    table,

    async bind(network: Network, binding: Binding): Promise<{ readonly kind: 'bound' | 'taken' }> {
      const result = await store.bind(leaseOf(network, binding));
      if (result.kind === 'bound') table.set(network, binding);
      // The table did not know: another daemon on the same store, or an operator, was faster.
      else table.set(network, { ...binding, key: result.by });
      return result;
    },

    async release(network: Network, address: Ipv4, key: string): Promise<void> {
      const at = now();
      const current = table.bindingOf(network, key);
      if (await store.release(site, address, key, at)) {
        if (current?.address === address) table.set(network, { ...current, state: 'released', expiresAt: at });
      }
    },

    async decline(network: Network, binding: Binding): Promise<void> {
      await store.decline(leaseOf(network, binding));
      table.set(network, binding);
    },

    async forget(address: Ipv4): Promise<boolean> {
      const was = await store.forget(site, address);
      const network = networkOf(networks, address);
      const binding = network && table.bindingAt(network, address);
      if (network && binding) table.set(network, { ...binding, state: 'released', expiresAt: now() });
      return was;
    },

    all: (): readonly Lease[] =>
      Array.from(table.bindings(), ({ network, binding }) => ({ site, subnet: network, ...binding })),
  };

  function leaseOf(network: Network, binding: Binding): Lease {
    return { site, subnet: network.name, ...binding };
  }
}

function bindingOf(lease: Lease, address: Ipv4, now: number): Binding {
  const { key, mac, hostname, state, boundAt, expiresAt } = lease;
  return {
    address,
    key,
    ...(mac === undefined ? {} : { mac }),
    ...(hostname === undefined ? {} : { hostname }),
    state,
    boundAt,
    expiresAt: state === 'released' ? Math.min(expiresAt, now) : expiresAt,
  };
}
