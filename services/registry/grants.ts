import type { Grant } from '#machines/contract/machine.ts';
import type { GrantStore } from '#services/store/contract.ts';

/** An attempt may fetch again for so long after its grant was spent; a later attempt may not. */
export const REFETCH_MS = 15 * 60_000;

/** Grants in memory, and in the store. A machine has at most one that is not spent. */
export function grantTable(parts: {
  readonly store: GrantStore;
  readonly recent: readonly Grant[];
  readonly now: () => number;
  readonly failed: (error: unknown, what: string) => void;
}) {
  const { store, now, failed } = parts;
  const byId = new Map<string, Grant>(parts.recent.map((grant) => [grant.id, grant]));
  const open = new Map<string, Grant>();
  const spent = new Map<string, Grant>();
  for (const grant of parts.recent) (grant.spentAt === undefined ? open : spent).set(grant.machine, grant);

  function remember(grant: Grant): void {
    byId.set(grant.id, grant);
    if (grant.spentAt === undefined) return void open.set(grant.machine, grant);
    if (open.get(grant.machine)?.id === grant.id) open.delete(grant.machine);
    const earlier = spent.get(grant.machine);
    spent.set(grant.machine, grant);
    if (earlier && earlier.id !== grant.id) byId.delete(earlier.id);
  }

  return {
    /** Unspent, or spent by this attempt not long ago. */
    usable(machine: string, attempt: string | undefined, at: number): Grant | undefined {
      const unspent = open.get(machine);
      if (unspent) return unspent;
      const last = spent.get(machine);
      const isIts = attempt !== undefined && last?.attempt === attempt && at - (last.spentAt ?? 0) <= REFETCH_MS;
      return isIts ? last : undefined;
    },
    /** A new one takes the place of one that was not used yet. */
    async add(grant: Grant): Promise<void> {
      const earlier = open.get(grant.machine);
      if (earlier) {
        const voided = { ...earlier, spentAt: now() };
        await store.put(voided);
        remember(voided);
      }
      await store.put(grant);
      remember(grant);
    },
    use(id: string, attempt: string): void {
      const grant = byId.get(id);
      if (!grant || grant.attempt === attempt || grant.spentAt !== undefined) return;
      const used = { ...grant, attempt };
      remember(used);
      store.put(used).catch((error: unknown) => failed(error, `grant ${id}`));
    },
    /** Gives the spent grant, or nothing if it was spent before. */
    async spend(id: string, attempt: string): Promise<Grant | undefined> {
      const grant = byId.get(id);
      if (!grant || grant.spentAt !== undefined) return undefined;
      const after = { ...grant, attempt, spentAt: now() };
      // In memory at once: a second machine with this MAC must not get through while the disk is slow.
      remember(after);
      await store.put(after);
      return after;
    },
  };
}
