import type { Plan } from '../../contract/job.ts';

/** What it was made from may have changed since: after this a plan must be made again. */
export const PLAN_MS = 60 * 60_000;

export type Confirmation = { readonly digest: string; readonly said: readonly string[]; readonly at: number };
export type Confirmed =
  | { readonly kind: 'confirmed' }
  | { readonly kind: 'refused'; readonly because: string; readonly next: string };

/** May this plan be executed on these words? (safety rules 1, 2 and 4) */
export function checkConfirmation(plan: Plan, given: Confirmation): Confirmed {
  const again = `ingot ${plan.kind} ${plan.machine} --plan`;
  const [refusal] = plan.refusals;
  if (refusal) return { kind: 'refused', ...refusal };
  if (given.digest !== plan.digest) {
    return {
      kind: 'refused',
      because: `the digest given is ${given.digest.slice(0, 12)}…, the plan’s is ${plan.digest.slice(0, 12)}…`,
      next: again,
    };
  }
  if (given.at - plan.createdAt > PLAN_MS) {
    return { kind: 'refused', because: 'the plan is more than an hour old', next: again };
  }
  const missing = plan.acknowledge.find(({ say }) => !given.said.includes(say));
  if (missing) {
    return {
      kind: 'refused',
      because: `${missing.what}; that needs an acknowledgement of its own`,
      next: `ingot ${plan.kind} ${plan.machine} --acknowledge ${missing.say}`,
    };
  }
  return { kind: 'confirmed' };
}

/**
 * What a person has to do before so many plans are executed (safety rule 4): `yes` is enough for one machine without
 * vetoes; else the count is typed or the digest given. More than four machines wait, and may be called off meanwhile.
 */
export function ceremonyFor(plans: readonly Plan[]): {
  readonly kind: 'yes' | 'count';
  readonly waitSeconds: number;
} {
  const veto = plans.some(({ acknowledge }) => acknowledge.length > 0);
  return { kind: plans.length > 1 || veto ? 'count' : 'yes', waitSeconds: plans.length > 4 ? 30 : 0 };
}
