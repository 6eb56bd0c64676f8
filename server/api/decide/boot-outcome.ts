import type { Explanation } from '#machines/contract/api/explain.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';

/** A file that the script names and that would not be sent. */
export type MissingFile = Explanation['missing'][number];

export type OutcomeFacts = {
  readonly plan: BootPlan;
  readonly loader: Explanation['loader'];
  readonly script: { readonly situation: string; readonly because: string };
  readonly missing: readonly MissingFile[];
};

/**
 * What would really happen, which is less than the plan where something is broken on the way: no loader for the
 * firmware, a plan that no script can carry out, a file that is not there.
 */
export function bootOutcome({ plan, loader, script, missing }: OutcomeFacts): Explanation['outcome'] {
  if (plan.kind !== 'netboot') return { kind: plan.kind, because: plan.because };
  if (script.situation === 'disk') return { kind: 'own-disk', because: script.because };
  if (script.situation === 'hold') return { kind: 'hold', because: script.because };
  if (loader.kind === 'missing' || loader.kind === 'impossible') {
    return { kind: 'own-disk', because: `its firmware is offered no boot file: ${loader.because}` };
  }
  const [first] = missing;
  if (!first) return { kind: 'netboot', because: plan.because };
  return {
    kind: plan.profile.onFailure === 'shell' ? 'shell' : 'own-disk',
    because: `${plan.because}; but iPXE will not get its ${first.file}: ${first.because}`,
  };
}
