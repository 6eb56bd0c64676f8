import type { Approval } from '#machines/contract/approval.ts';
import type { ApprovalResource } from '#machines/contract/api/approval-routes.ts';
import { approvalState } from '#machines/decide/jobs/standing-approval.ts';
import { type Handlers, invalid, notFound } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';

type Names = 'listApprovals' | 'createApproval' | 'endApproval';

const DAY_MS = 86_400_000;

export function approvalHandlers({
  approvals,
  registry,
  now,
}: Pick<OperatorApiParts, 'approvals' | 'registry' | 'now'>): Pick<Handlers, Names> {
  const written = (one: Approval): ApprovalResource => ({
    ...one,
    state: approvalState(one, now()),
    left: Math.max(0, one.machines - one.used.length),
  });
  return {
    listApprovals: async () => ({ kind: 'done', value: { items: (await approvals.list()).map(written) } }),

    async createApproval({ body, caller }) {
      const { days, class: ofClass, label, reason, ...rest } = body;
      if (!registry.profile(body.profile)) {
        return invalid({ in: 'body', path: 'profile', text: `there is no profile ${body.profile}` });
      }
      if (ofClass !== undefined && !registry.classes().some(({ name }) => name === ofClass)) {
        return invalid({ in: 'body', path: 'class', text: `there is no class ${ofClass}` });
      }
      const made = await approvals.create({
        ...rest,
        by: caller.name,
        until: now() + days * DAY_MS,
        ...(caller.user === undefined ? {} : { user: caller.user }),
        ...(ofClass === undefined ? {} : { class: ofClass }),
        ...(label === undefined ? {} : { label }),
        ...(reason === undefined ? {} : { reason }),
      });
      const which = [ofClass && `class ${ofClass}`, label].filter(Boolean).join(' and ');
      const what = `${made.kinds.join(' and ')} of ${made.profile} on ${made.machines} blank machines (${which})`;
      return {
        kind: 'done',
        status: 201,
        value: written(made),
        audit: { target: made.id, detail: `${what} until ${new Date(made.until).toISOString()}` },
      };
    },

    async endApproval({ params: { id }, caller }) {
      const before = await approvals.get(id);
      const after = before && (await approvals.end(id, caller.name, `ended by ${caller.name}`));
      if (!after) return notFound(`approval ${id}`);
      const audit = before.ended ? 'nothing-changed' : { target: id, detail: `profile ${after.profile}` };
      return { kind: 'done', value: written(after), audit };
    },
  };
}
