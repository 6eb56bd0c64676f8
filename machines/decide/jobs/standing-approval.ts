import type { Approval } from '../../contract/approval.ts';
import { holds, parseSelector } from '../../contract/api/selector.ts';
import { type Role, roleAllows } from '../../contract/api/role.ts';
import { UNREAD_DISK } from '../../contract/inventory.ts';
import { isOver, type Job, type Plan } from '../../contract/job.ts';
import type { Machine } from '../../contract/machine.ts';

export type ApprovalState = 'open' | 'used-up' | 'over' | 'ended';

export function approvalState({ ended, until, used, machines }: Approval, now: number): ApprovalState {
  if (ended) return 'ended';
  if (now >= until) return 'over';
  return used.length >= machines ? 'used-up' : 'open';
}

/**
 * Why a standing approval does not cover this plan; nothing where it confirms it by itself. It never does more than
 * somebody could who only said yes: what needs an acknowledgement, or a disk that is not blank, wants a person.
 */
export function whyNotCovered(
  approval: Approval,
  asked: {
    readonly plan: Pick<Plan, 'kind' | 'machine' | 'profile' | 'disks' | 'acknowledge' | 'refusals'>;
    readonly machine: Machine;
    /** The name of the class that it is of. */
    readonly ofClass: string | undefined;
    /** What the agent could not read when it looked. */
    readonly gaps: readonly string[];
    /** How many jobs of the same request use it, too. */
    readonly beside: number;
    readonly now: number;
  },
): string | undefined {
  const { plan, machine, ofClass, gaps, beside, now } = asked;
  const of = `approval ${approval.id}`;
  const state = approvalState(approval, now);
  if (state === 'ended') return `${of} was ended by ${approval.ended?.by}: ${approval.ended?.because}`;
  if (state === 'over') return `${of} was good until ${new Date(approval.until).toISOString()}`;
  const left = approval.machines - approval.used.length;
  if (left <= beside) return `${of} is for ${approval.machines} jobs, and ${left} are left of it`;
  if (!approval.kinds.some((kind) => kind === plan.kind)) return `${of} is for ${approval.kinds.join(' and ')}`;
  if (plan.profile !== approval.profile) {
    return `${of} is for profile ${approval.profile}, and this is ${plan.profile ?? 'none'}`;
  }
  if (approval.class !== undefined && ofClass !== approval.class) {
    return `${of} is for machines of class ${approval.class}, and ${plan.machine} is of ${ofClass ?? 'none'}`;
  }
  if (approval.label !== undefined && !hasLabels(approval.label, machine)) {
    return `${of} is for machines with ${approval.label}, and ${plan.machine} is none`;
  }
  const [refusal] = plan.refusals;
  if (refusal) return refusal.because;
  const [wanted] = plan.acknowledge;
  if (wanted) return `${wanted.what}, which a person has to acknowledge`;
  const touched = plan.disks.filter(({ act }) => act === 'wipe' || act === 'write');
  const unread = gaps.find((gap) => touched.some(({ name }) => isUnread(name, gap)));
  if (unread !== undefined) return `nobody knows its disks to be blank: ${unread}`;
  const used = touched.find(({ signatures }) => signatures.length > 0);
  if (used) {
    return `disk ${used.name} (${used.serial ?? used.wwn ?? 'no serial'}) is not blank: ${used.signatures.join(', ')}`;
  }
  return undefined;
}

const isUnread = (disk: string, gap: string): boolean =>
  Object.values(UNREAD_DISK).some((what) => gap.startsWith(`${disk}: ${what}`));

/** What cannot be read holds for no machine. */
function hasLabels(label: string, { document: { labels } }: Machine): boolean {
  const terms = parseSelector(label);
  const labelOf = (key: string): string | undefined => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  return terms.ok && terms.value.every((term) => holds(term, labelOf(term.key)));
}

/**
 * Why an approval is worth nothing by who gave it, who may do less by now or is gone; nothing where it stands. Somebody
 * else who has their name since is not them.
 */
export function whyGiverMayNot(
  { id, user: name, createdAt }: Approval,
  user:
    | { readonly role: Role; readonly scope?: string; readonly disabled: boolean; readonly createdAt: number }
    | undefined,
  machine: Machine,
): string | undefined {
  if (name === undefined) return undefined;
  const given = `approval ${id} was given by ${name}, who`;
  if (!user || user.createdAt > createdAt || user.disabled || !roleAllows(user.role, 'approver')) {
    return `${given} is no approver any more`;
  }
  if (user.scope !== undefined && !hasLabels(user.scope, machine)) {
    return `${given} has the scope ${user.scope}, and ${machine.document.name} is not in it`;
  }
  return undefined;
}

/** By these a system comes to a disk. */
const WRITING_STEPS: ReadonlySet<string> = new Set(['write-image', 'boot-installer', 'boot-talos']);

/**
 * The job by which a machine's disks are not what was seen of them at `inventoryAt`: one that is not over, or one that has
 * begun to write a system since. Who has one may be in service, and is not to be rebooted only to find that out.
 */
export function writtenSince(jobs: readonly Job[], inventoryAt: number): Job | undefined {
  return jobs.find(
    ({ state, steps }) =>
      !isOver(state) ||
      steps.some(({ name, tries, startedAt = 0 }) => WRITING_STEPS.has(name) && tries > 0 && startedAt > inventoryAt),
  );
}
