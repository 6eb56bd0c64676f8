import type { Approval } from '#machines/contract/approval.ts';
import type { ApprovalStore } from '#services/store/contract.ts';

/** Standing approvals: kept when they are over, since jobs name them. */
export type Approvals = {
  get(id: string): Promise<Approval | undefined>;
  /** Newest first. */
  list(): Promise<readonly Approval[]>;
  create(wanted: Omit<Approval, 'id' | 'createdAt' | 'used' | 'ended' | 'rev'>): Promise<Approval>;
  /** Counts jobs to it, all or none; `false` where it was changed since it was read: then it is to be looked at again. */
  use(seen: Approval, machines: readonly string[], by: string): Promise<boolean>;
  /** Gives it as it is then; nothing where there is none. Ending it again changes nothing. */
  end(id: string, by: string, because: string): Promise<Approval | undefined>;
  /** After a restore, a clone or a clock jump (safety rule 6). Gives how many were open. */
  voidAll(because: string): Promise<number>;
};

export function openApprovals({
  store,
  now,
  newId,
}: {
  readonly store: ApprovalStore;
  readonly now: () => number;
  readonly newId: () => string;
}): Approvals {
  async function end(id: string, by: string, because: string): Promise<Approval | undefined> {
    for (;;) {
      const seen = await store.get(id);
      if (!seen || seen.ended) return seen;
      const stored = await store.put({ ...seen, ended: { at: now(), by, because } }, seen.rev);
      if (stored.kind === 'stored') return stored.value;
    }
  }
  return {
    get: (id) => store.get(id),
    list: async () => (await store.all()).toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1)),
    async create(wanted) {
      const stored = await store.put({ ...wanted, id: newId(), createdAt: now(), used: [], rev: 0 }, 0);
      if (stored.kind !== 'stored') throw new Error('an approval with this id is there already');
      return stored.value;
    },
    async use(seen, machines, by) {
      const used = [...seen.used, ...machines.map((machine) => ({ machine, at: now(), by }))];
      return (await store.put({ ...seen, used }, seen.rev)).kind === 'stored';
    },
    end,
    async voidAll(because) {
      const open = (await store.all()).filter(({ ended }) => !ended);
      for (const { id } of open) await end(id, 'daemon', because);
      return open.length;
    },
  };
}
