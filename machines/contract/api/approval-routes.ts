import { z } from 'zod';
import { approval, APPROVED_KINDS, MAX_APPROVAL_DAYS } from '../approval.ts';
import { name } from '../documents.ts';
import type { Route } from './route.ts';
import { parseSelector } from './selector.ts';

export const approvalResource = approval.extend({
  state: z.enum(['open', 'used-up', 'over', 'ended']),
  /** So many jobs may still be begun by it. */
  left: z.int().min(0),
});
export type ApprovalResource = z.output<typeof approvalResource>;

export const newApproval = z
  .strictObject({
    profile: name,
    class: name.optional(),
    label: z
      .string()
      .min(1)
      .max(1024)
      .refine((text) => parseSelector(text).ok, 'want conditions on labels: rack=r1,env!=prod')
      .optional(),
    kinds: z.array(z.enum(APPROVED_KINDS)).min(1).max(APPROVED_KINDS.length).default(['install']),
    machines: z.int().min(1).max(1000).meta({ description: 'so many jobs in all' }),
    days: z.number().positive().max(MAX_APPROVAL_DAYS),
    reason: z.string().max(255).optional(),
  })
  .refine((one) => one.class !== undefined || one.label !== undefined, {
    path: ['class'],
    message: 'want a class or labels: an approval for all machines is none',
  });

const json = <S extends z.ZodType>(schema: S) => ({ kind: 'json', schema }) as const;
const byId = z.strictObject({ id: z.string().max(64) });

/** What approvers say once for plans that are made later. */
export const APPROVAL_ROUTES = {
  listApprovals: {
    method: 'GET',
    path: '/api/v1/approvals',
    summary: 'Standing approvals, newest first: who lets what be installed on which blank machines, until when',
    role: 'viewer',
    answer: json(z.object({ items: z.array(approvalResource) })),
  },
  createApproval: {
    method: 'POST',
    path: '/api/v1/approvals',
    summary: 'Approve jobs beforehand; each names it in `approval`, in the place of a plan',
    role: 'approver',
    body: json(newApproval),
    answer: { ...json(approvalResource), status: 201 },
  },
  endApproval: {
    method: 'POST',
    path: '/api/v1/approvals/{id}/end',
    summary: 'From now on it approves nothing; jobs that it has begun go on',
    role: 'operator',
    params: byId,
    answer: json(approvalResource),
  },
} as const satisfies Record<string, Route>;
