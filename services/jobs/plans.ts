import { createHash } from 'node:crypto';
import type { Plan } from '#machines/contract/job.ts';
import { PLAN_MS } from '#machines/decide/jobs/confirm.ts';

/** Plans are cheap to make again; what nobody confirms must not fill memory. */
const MAX_KEPT = 10_000;

/**
 * Plans that were shown and may be confirmed, for an hour. In memory only: after a restart of the daemon a plan is made
 * anew from what is known then (safety rule 6).
 */
export type Plans = {
  /** Gives it its id and digest. */
  keep(draft: Omit<Plan, 'id' | 'digest'>): Plan;
  get(id: string): Plan | undefined;
  /** It is confirmed once. */
  take(id: string): void;
};

export function openPlans({ now, newId }: { readonly now: () => number; readonly newId: () => string }): Plans {
  const kept = new Map<string, Plan>();
  const forgetOld = (): void => {
    for (const [id, { createdAt }] of kept) {
      if (kept.size <= MAX_KEPT && now() - createdAt <= PLAN_MS) return;
      kept.delete(id);
    }
  };
  return {
    keep(draft) {
      const plan: Plan = { ...draft, id: newId(), digest: digestOf(draft) };
      kept.set(plan.id, plan);
      forgetOld();
      return plan;
    },
    get(id) {
      forgetOld();
      return kept.get(id);
    },
    take: (id) => void kept.delete(id),
  };
}

/**
 * SHA-256 in hex over the plan as JSON with sorted keys, without the time it was made at: the same deed has the same
 * digest, so `--plan` now and `--confirm DIGEST` later agree as long as nothing has changed.
 */
function digestOf(draft: Omit<Plan, 'id' | 'digest'>): string {
  const { createdAt: _createdAt, inventoryAt: _inventoryAt, ...deed } = draft;
  return createHash('sha256').update(canonical(deed)).digest('hex');
}

/** Of several plans at once; of one, its own. */
export function digestOfAll(plans: readonly Pick<Plan, 'digest'>[]): string {
  const [only] = plans;
  if (only && plans.length === 1) return only.digest;
  const digests = plans.map(({ digest }) => digest).toSorted();
  return createHash('sha256').update(digests.join('\n')).digest('hex');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}
