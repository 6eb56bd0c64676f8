import { z } from 'zod';

/** What can be done to a machine durably. `reprovision` is wipe and install as one job. */
export const JOB_KINDS = [
  'inspect',
  'install',
  'wipe',
  'reset',
  'reprovision',
  'upgrade',
  'rollback',
  'rescue',
  'retire',
] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** Every job ends: done, failed with a reason and a next step, or cancelled. Then the machine is parked as it is. */
export const JOB_STATES = ['queued', 'running', 'done', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];
export const isOver = (state: JobState): boolean => state === 'done' || state === 'failed' || state === 'cancelled';

const time = z.number().meta({ description: 'milliseconds since 1970-01-01T00:00:00Z' });

export const jobStep = z.object({
  /** `boot-agent`, `wipe-disks`, `write-image`, …: one function of the daemon each. */
  name: z.string(),
  state: z.enum(['waiting', 'running', 'done', 'failed', 'skipped']),
  startedAt: time.optional(),
  endedAt: time.optional(),
  /** How often it was begun, also across restarts of the daemon. */
  tries: z.int().default(0),
  /** The last thing that was said about it. */
  text: z.string().max(1024).default(''),
  /** 0 to 1, where it can be known. */
  progress: z.number().min(0).max(1).optional(),
  /** When it last gave a sign of life; past its deadline it fails. */
  heartbeatAt: time.optional(),
});
export type JobStep = z.output<typeof jobStep>;

export const WIPE_METHODS = [
  'nvme-sanitize-crypto',
  'nvme-sanitize-block',
  'nvme-format-crypto',
  'nvme-format-user-data',
  'ata-sanitize-crypto',
  'ata-sanitize-block',
  'ata-secure-erase-enhanced',
  'ata-secure-erase',
  'scsi-sanitize-crypto',
  'scsi-sanitize-block',
  'zero-overwrite',
  'block-zero-out',
  'block-secure-discard',
  'block-discard',
] as const;
export type WipeMethod = (typeof WIPE_METHODS)[number];

/** One disk of a plan, named by what cannot change: the agent reads it again before the first byte. */
export const plannedDisk = z.object({
  /** Kernel name at planning time; shown, never trusted. */
  name: z.string(),
  serial: z.string().optional(),
  wwn: z.string().optional(),
  model: z.string().optional(),
  bytes: z.number(),
  /** What is on it, and would be lost. */
  signatures: z.array(z.string()),
  /** `unreachable`: a drive that is known to be in the machine and is no disk to the agent. */
  act: z.enum(['wipe', 'write', 'keep', 'leave-alone', 'unreachable']),
  /** Why it is kept or left alone, or what will be written to it. */
  because: z.string(),
  /** wipe: how. `best` lets the agent take the strongest method that the disk really has. */
  method: z.union([z.literal('best'), z.enum(WIPE_METHODS)]).optional(),
  /** Signatures that stop the plan until they are acknowledged by serial (safety rule 2). */
  vetoes: z.array(z.string()),
});
export type PlannedDisk = z.output<typeof plannedDisk>;

/** What a plan does with a machine of a cluster of Talos. */
export const talosWork = z.object({
  cluster: z.string(),
  role: z.enum(['controlplane', 'worker']),
  /** The release that runs now, where it is asked of the machine: upgrade, rollback and reset. */
  from: z.string().optional(),
  /** The release after it; of a rollback only the machine knows. */
  to: z.string().optional(),
  kubernetes: z.string().optional(),
  /** The image by which it is installed or upgraded. */
  installer: z.string().optional(),
  /** reset: `disk` is all of the system disk, `configuration` STATE and EPHEMERAL. */
  erase: z.enum(['disk', 'configuration']).optional(),
  /** reset: it leaves etcd and Kubernetes first. */
  graceful: z.boolean().optional(),
  /** In plain words: what stays as it is. */
  keeps: z.array(z.string()),
});
export type TalosWork = z.output<typeof talosWork>;

/** Exactly what would be done. Its digest is over all of it but the digest: who confirms it confirms this and no more. */
export const plan = z
  .object({
    id: z.string(),
    digest: z.string().meta({ description: 'SHA-256 of the plan, hex' }),
    kind: z.enum(JOB_KINDS),
    machine: z.string(),
    createdAt: time,
    profile: z.string().optional(),
    image: z.string().optional(),
    /** The digest of what is written, where it is an image. */
    imageSha256: z.string().optional(),
    disks: z.array(plannedDisk),
    /** How the machine will be proven to be the right one. */
    identifiers: z.array(z.object({ kind: z.string(), value: z.string() })),
    /** The inventory that it was made from. */
    inventoryAt: time.optional(),
    talos: talosWork.optional(),
    steps: z.array(z.string()),
    /** In a line for people, and no part of the digest: `erases 2 disks: S4X1, S4X2`. */
    summary: z.string().optional(),
    /** What needs an acknowledgement of its own, with the word to type: a serial, or the machine's name. */
    acknowledge: z.array(z.object({ what: z.string(), say: z.string() })),
    /** What stands against it; with any of these it cannot be confirmed at all. */
    refusals: z.array(z.object({ because: z.string(), next: z.string() })),
  })
  .meta({ id: 'Plan' });
export type Plan = z.output<typeof plan>;

/** Jobs that were asked for together. */
export const jobBatch = z.object({
  id: z.string(),
  /** How many jobs it has. */
  size: z.int().min(1),
  /** So many may fail; one more, and those that have not begun are cancelled. */
  maxFailures: z.int().min(0),
  /** At most so many are worked on at once; absent: as many as the daemon and the rack allow. */
  concurrency: z.int().min(1).optional(),
});
export type JobBatch = z.output<typeof jobBatch>;

export const job = z
  .object({
    id: z.string(),
    kind: z.enum(JOB_KINDS),
    machine: z.string(),
    state: z.enum(JOB_STATES),
    /** Who asked for it. */
    by: z.string(),
    createdAt: time,
    startedAt: time.optional(),
    endedAt: time.optional(),
    profile: z.string().optional(),
    plan: plan.optional(),
    /** Who confirmed the plan, by its digest, and what they acknowledged. */
    confirmed: z
      .object({
        by: z.string(),
        at: time,
        digest: z.string(),
        said: z.array(z.string()),
        /** The id of the standing approval by which it was. */
        approval: z.string().optional(),
      })
      .optional(),
    batch: jobBatch.optional(),
    steps: z.array(jobStep),
    /** Asked to end; a step that writes ends at its next safe point. */
    cancelling: z.boolean().default(false),
    result: z.object({ because: z.string(), next: z.string() }).optional(),
    /** What steps keep for those that follow and for a restart: ids of grants, attempts, certificates. */
    notes: z.record(z.string(), z.string()).default({}),
    rev: z.int(),
  })
  .meta({ id: 'Job' });
export type Job = z.output<typeof job>;

export const jobEvent = z
  .object({ seq: z.int(), at: time, step: z.string().optional(), text: z.string().max(1024) })
  .meta({ id: 'JobEvent' });
export type JobEvent = z.output<typeof jobEvent>;
