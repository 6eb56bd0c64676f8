import { createHash } from 'node:crypto';
import type { Plan } from '#machines/contract/job.ts';
import { canonicalJson } from '#machines/values/canonical-json.ts';
import { PLAN_MS } from '#machines/decide/jobs/confirm.ts';
import { planSummary } from '#machines/decide/jobs/plan-summary.ts';

/** Plans are cheap to make again; what nobody confirms must not fill memory. */
const MAX_KEPT = 10_000;

/** Somebody has said yes to a plan, and it takes another person's yes, too. */
export type PlanRequested = { readonly person: string; readonly name: string; readonly isApprover: boolean };

/**
 * Plans that were shown and may be confirmed, for an hour. In memory only: after a restart of the daemon a plan is made
 * anew from what is known then (safety rule 6).
 */
export type Plans<Question> = {
  /** Gives it its id and digest. The question is kept, so that it can be asked again when the plan is confirmed. */
  keep(draft: Draft, question: Question): Plan;
  get(id: string): { readonly plan: Plan; readonly question: Question } | undefined;
  /** Keeps that somebody wants this very deed; to be shown a plan is no wish. */
  request(id: string, by: PlanRequested): void;
  /** Who has asked for this very deed within the hour, and nobody has begun it since. */
  requestedBy(digest: string): readonly PlanRequested[];
  /** It is confirmed once, whoever else was shown the same. */
  take(id: string): void;
  /** Nothing that was shown may be confirmed any more (safety rule 6). Gives how many that were. */
  voidAll(): number;
  digestOf(draft: Draft): string;
};

type Draft = Omit<Plan, 'id' | 'digest' | 'summary'>;

export function openPlans<Question>({
  now,
  newId,
}: {
  readonly now: () => number;
  readonly newId: () => string;
}): Plans<Question> {
  const kept = new Map<
    string,
    { readonly plan: Plan; readonly question: Question; readonly requests: readonly PlanRequested[] }
  >();
  const forgetOld = (): void => {
    for (const [id, { plan }] of kept) {
      if (kept.size <= MAX_KEPT && now() - plan.createdAt <= PLAN_MS) return;
      kept.delete(id);
    }
  };
  return {
    keep(draft, question) {
      const plan: Plan = { ...draft, id: newId(), digest: digestOf(draft), summary: planSummary(draft) };
      kept.set(plan.id, { plan, question, requests: [] });
      forgetOld();
      return plan;
    },
    get(id) {
      forgetOld();
      return kept.get(id);
    },
    request(id, by) {
      const one = kept.get(id);
      if (one) kept.set(id, { ...one, requests: [...one.requests.filter(({ person }) => person !== by.person), by] });
    },
    requestedBy(digest) {
      forgetOld();
      return [...kept.values()].flatMap(({ plan, requests }) => (plan.digest === digest ? requests : []));
    },
    take(id) {
      const digest = kept.get(id)?.plan.digest;
      for (const [other, { plan }] of kept) if (plan.digest === digest) kept.delete(other);
    },
    voidAll() {
      const { size } = kept;
      kept.clear();
      return size;
    },
    digestOf,
  };
}

/**
 * SHA-256 in hex over the plan as JSON with sorted keys, without the time it was made at: the same deed has the same
 * digest, so `--plan` now and `--confirm DIGEST` later agree as long as nothing has changed.
 */
function digestOf(draft: Draft): string {
  const { createdAt: _createdAt, inventoryAt: _inventoryAt, ...deed } = draft;
  return createHash('sha256').update(canonicalJson(deed)).digest('hex');
}

/** Of several plans at once; of one, its own. */
export function digestOfAll(plans: readonly Pick<Plan, 'digest'>[]): string {
  const [only] = plans;
  if (only && plans.length === 1) return only.digest;
  const digests = plans.map(({ digest }) => digest).toSorted();
  return createHash('sha256').update(digests.join('\n')).digest('hex');
}
