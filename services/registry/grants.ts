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
  let last: Promise<unknown> = Promise.resolve();

  /** In the order of the calls: a store with several connections could write "used" over "spent". */
  function write(grant: Grant): Promise<void> {
    const written = last.then(() => store.put(grant));
    last = written.catch(() => {});
    return written;
  }

  function remember(grant: Grant): void {
    byId.set(grant.id, grant);
    if (grant.spentAt === undefined) return void open.set(grant.machine, grant);
    if (open.get(grant.machine)?.id === grant.id) open.delete(grant.machine);
    const earlier = spent.get(grant.machine);
    spent.set(grant.machine, grant);
    if (earlier && earlier.id !== grant.id) byId.delete(earlier.id);
  }

  /** Spent by no attempt, so that none may fetch again. */
  async function voidOpen({ id, machine, profile, createdAt, by }: Grant): Promise<void> {
    open.delete(machine);
    byId.delete(id);
    await write({ id, machine, profile, createdAt, by, spentAt: now() });
  }

  return {
    /**
     * Spent by this attempt not long ago, or unspent. In this order: an attempt that fetches again must not use up what an
     * operator has granted for the next boot.
     */
    usable(machine: string, attempt: string | undefined, at: number): Grant | undefined {
      const own = spent.get(machine);
      const isIts = attempt !== undefined && own?.attempt === attempt && at - (own.spentAt ?? 0) <= REFETCH_MS;
      return isIts ? own : open.get(machine);
    },
    /** A new one takes the place of one that was not used yet. */
    async add(grant: Grant): Promise<void> {
      const earlier = open.get(grant.machine);
      if (earlier) await voidOpen(earlier);
      await write(grant);
      remember(grant);
    },
    /** The machine is gone: whoever gets its name later must not boot by its grants. */
    async forget(machine: string): Promise<void> {
      const own = spent.get(machine);
      if (own) byId.delete(own.id);
      spent.delete(machine);
      const unspent = open.get(machine);
      if (unspent) await voidOpen(unspent);
    },
    /** Also those that an attempt may still fetch again by (safety rule 6). Gives the number of unspent ones. */
    async voidAll(): Promise<number> {
      byId.clear();
      open.clear();
      spent.clear();
      const voided = last.then(() => store.voidAll(now()));
      last = voided.catch(() => {});
      return await voided;
    },
    use(id: string, attempt: string): void {
      const grant = byId.get(id);
      if (!grant || grant.attempt === attempt || grant.spentAt !== undefined) return;
      const used = { ...grant, attempt };
      remember(used);
      write(used).catch((error: unknown) => failed(error, `grant ${id}`));
    },
    /** Gives the spent grant, or nothing if it was spent before. */
    async spend(id: string, attempt: string): Promise<Grant | undefined> {
      const grant = byId.get(id);
      if (!grant || grant.spentAt !== undefined) return undefined;
      const after = { ...grant, attempt, spentAt: now() };
      // In memory at once: a second machine with this MAC must not get through while the disk is slow.
      remember(after);
      await write(after);
      return after;
    },
  };
}
