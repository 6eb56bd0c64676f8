import { z } from 'zod';
import { name } from './documents.ts';

const time = z.number().meta({ description: 'milliseconds since 1970-01-01T00:00:00Z' });

/** What may be approved beforehand: what writes a profile to blank disks. */
export const APPROVED_KINDS = ['install', 'reprovision'] as const;
export type ApprovedKind = (typeof APPROVED_KINDS)[number];

export const MAX_APPROVAL_DAYS = 366;

/** What an approver says once, for plans that are made later (safety rule 4): on blank disks only. */
export const approval = z
  .object({
    id: z.string(),
    /** Who approved. */
    by: z.string(),
    /** The user whose that was; absent: whoever has the operator token. */
    user: z.string().optional(),
    createdAt: time,
    until: time,
    kinds: z.array(z.enum(APPROVED_KINDS)).min(1),
    /** What is written. */
    profile: name,
    /** Machines of this class; */
    class: name.optional(),
    /** and with these labels: at least one of both is said. */
    label: z.string().max(1024).optional(),
    /** So many jobs in all. */
    machines: z.int().min(1),
    used: z.array(z.object({ machine: z.string(), at: time, by: z.string() })),
    reason: z.string().max(255).optional(),
    /** It approves nothing any more. */
    ended: z.object({ at: time, by: z.string(), because: z.string() }).optional(),
    rev: z.int(),
  })
  .meta({ id: 'Approval' });
export type Approval = z.output<typeof approval>;
