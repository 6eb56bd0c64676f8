import type { Lease, LeaseStore } from '#services/store/contract.ts';

/** A small lease store that forgets everything when it ends, and keeps to the contract until then. */
export function memoryLeases(initial: readonly Lease[] = []): LeaseStore & { readonly leases: () => readonly Lease[] } {
  const byAddress = new Map<string, Lease>(initial.map((lease) => [`${lease.site} ${lease.address}`, lease]));
  const addressOfClient = new Map<string, string>();
  const idOf = ({ site, address }: Pick<Lease, 'site' | 'address'>) => `${site} ${address}`;

  return {
    leases: () => [...byAddress.values()],
    async all() {
      return [...byAddress.values()];
    },
    async bind(lease) {
      const holder = byAddress.get(idOf(lease));
      const free =
        !holder ||
        holder.state === 'released' ||
        holder.expiresAt <= lease.boundAt ||
        (holder.state === 'bound' && holder.key === lease.key);
      if (!free) return { kind: 'taken', by: holder.key };
      const client = `${lease.site} ${lease.subnet} ${lease.key}`;
      const formerId = addressOfClient.get(client) ?? '';
      const former = byAddress.get(formerId);
      if (former?.key === lease.key && former.state === 'bound')
        byAddress.set(formerId, { ...former, state: 'released' });
      byAddress.set(idOf(lease), lease);
      addressOfClient.set(client, idOf(lease));
      return { kind: 'bound' };
    },
    async release(site, address, key, at) {
      const lease = byAddress.get(idOf({ site, address }));
      if (lease?.key !== key || lease.state !== 'bound') return false;
      byAddress.set(idOf(lease), { ...lease, state: 'released', expiresAt: at });
      return true;
    },
    async decline(lease) {
      byAddress.set(idOf(lease), lease);
    },
    async forget(site, address) {
      return byAddress.delete(idOf({ site, address }));
    },
  };
}
