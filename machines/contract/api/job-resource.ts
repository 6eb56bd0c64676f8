import { z } from 'zod';
import { isPlanned, PLANNED_KINDS } from '../../decide/jobs/make-plan.ts';
import { clusterDocument } from '../cluster.ts';
import { inputOf } from './document-form.ts';
import { name } from '../documents.ts';
import { after, byTime, ofMachines } from './list.ts';
import { JOB_KINDS, JOB_STATES, plan, WIPE_METHODS } from '../job.ts';

/** At most so many machines in one request. */
export const MAX_AT_ONCE = 1000;

const machines = z
  .array(name)
  .min(1)
  .max(MAX_AT_ONCE)
  .refine((names) => new Set(names).size === names.length, 'want each machine once');

/** What would be done: nothing happens by asking. */
export const planRequest = z.strictObject({
  kind: z.enum(PLANNED_KINDS),
  machines,
  /** install and reprovision: what to install; absent: the profile that the machine or its class names. */
  profile: name.optional(),
  /** How disks are erased; absent: the strongest way that each disk really has. */
  method: z.enum(['best', ...WIPE_METHODS]).optional(),
  /** wipe and reset: only these disks, by serial or WWN. */
  disks: z.array(z.string().min(1).max(255)).max(256).optional(),
  /** install: the cluster that they are to be of, to plan before it is stored. It must be, before the plan is confirmed. */
  cluster: inputOf(clusterDocument).optional(),
  /** upgrade: to this release of Talos; absent: the one that the cluster’s document says. */
  to: z.string().max(64).optional(),
  /** reset of members of a cluster: all of the system disk (the default), or STATE and EPHEMERAL. */
  erase: z.enum(['disk', 'configuration']).optional(),
  /** reset of members of a cluster: leave etcd and Kubernetes first (the default)? */
  graceful: z.boolean().optional(),
});

export const planAnswer = z
  .object({
    items: z.array(plan),
    /** What is done to all of them, in a sentence: `2 disks of 1 machine lose what is on them`. */
    summary: z.string(),
    /** Over the digests of all of them: the word that confirms them at once. */
    digest: z.string(),
    /** `yes`: one answer is enough; `count`: the number of machines is typed, or the digest given. */
    ceremony: z.enum(['yes', 'count']),
    /** How long the jobs wait, and may be cancelled, before the first of them begins. */
    waitSeconds: z.int(),
  })
  .meta({ id: 'PlanAnswer' });
export type PlanAnswer = z.output<typeof planAnswer>;

/** How several jobs that are asked for at once hang together. */
export const batchRequest = z.strictObject({
  /**
   * So many may fail, or such a part of them; one more, and those that have not begun are cancelled. Absent: none of jobs
   * with a plan, any number of others.
   */
  maxFailures: z
    .union([z.int().min(0), z.templateLiteral([z.int().min(0).max(100), '%'])])
    .optional()
    .meta({ description: 'a number of jobs, or a part of them: `10%`' }),
  /** At most so many are worked on at once; absent: as many as the daemon and the rack allow. */
  concurrency: z.int().min(1).optional(),
});

/** A destructive job is begun by the id and the digest of its plan, any other by its machine alone. */
export const jobRequest = z.strictObject({
  /** Of several jobs; a single one is no batch. */
  batch: batchRequest.optional(),
  jobs: z
    .array(
      z
        .strictObject({
          kind: z.enum(JOB_KINDS),
          machine: name,
          plan: z.strictObject({ id: z.string().max(64), digest: z.string().max(128) }).optional(),
          /** install and reprovision: the id of a standing approval, in the place of a plan; its profile is installed. */
          approval: z.string().max(64).optional(),
          /** Words for what the plan wants acknowledged: serials, or the machine's name. */
          acknowledge: z.array(z.string().max(255)).max(1024).default([]),
        })
        .refine((one) => !isPlanned(one.kind) || one.plan !== undefined || one.approval !== undefined, {
          path: ['plan'],
          message: 'want the id and the digest of a plan: POST /api/v1/plans',
        })
        .refine((one) => one.approval === undefined || (isPlanned(one.kind) && one.plan === undefined), {
          path: ['approval'],
          message: 'want it for install or reprovision, and without a plan',
        }),
    )
    .min(1)
    .max(MAX_AT_ONCE),
});
export type JobRequest = z.output<typeof jobRequest>;

export const jobQuery = z.strictObject({
  machine: name.optional(),
  batch: z.string().max(64).optional().meta({ description: 'only the jobs of this batch: `batch.id` of a job' }),
  before: z.coerce.number().optional().meta({ description: '`createdAt` of the last one seen' }),
  after,
  sort: byTime,
  kind: z.enum(JOB_KINDS).optional(),
  state: z.enum(JOB_STATES).optional(),
  ...ofMachines,
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

export const certificateQuery = jobQuery.omit({ batch: true, before: true, kind: true, state: true });

export const jobEventQuery = z.strictObject({
  after: z.coerce.number().int().min(0).default(0).meta({ description: '`seq` of the last one seen' }),
  limit: z.coerce.number().int().min(1).max(10_000).default(1000),
});
