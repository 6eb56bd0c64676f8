import { z } from 'zod';
import { ipAddress, macAddress } from '../documents.ts';
import { after, next, ofMachines } from './list.ts';
import { VERDICT_CODES } from '../trace.ts';

const time = z.number();

/** What the daemon is and how things stand, for a first look. */
export const systemStatus = z
  .object({
    version: z.string(),
    startedAt: time,
    now: time,
    site: z.string(),
    /** What is really listening: `api`, `boot`, `tftp`, `dhcp4 eth1 (proxy)`… and where. */
    listeners: z.array(z.object({ name: z.string(), at: z.string() })),
    machines: z.object({
      total: z.int(),
      seen: z.int(),
      accepted: z.int(),
      rejected: z.int(),
      locked: z.int(),
    }),
    /** Newest boot attempt of each machine, by verdict; codes that nobody has are absent. */
    verdicts: z.partialRecord(z.enum(VERDICT_CODES), z.int()),
    documents: z.object({ profiles: z.int(), classes: z.int(), subnets: z.int(), images: z.int() }),
    watchers: z.int(),
  })
  .meta({ id: 'SystemStatus' });
export type SystemStatus = z.output<typeof systemStatus>;

export const lease = z
  .object({
    site: z.string(),
    subnet: z.string(),
    address: ipAddress,
    /** Who holds it: the MAC, or the client identifier in hex. */
    key: z.string(),
    mac: macAddress.optional(),
    hostname: z.string().optional(),
    state: z.enum(['bound', 'released', 'declined']),
    boundAt: time,
    expiresAt: time,
    /** The machine whose MAC this is. */
    machine: z.string().optional(),
  })
  .meta({ id: 'Lease' });

export type LeaseResource = z.output<typeof lease>;

export const LEASE_SORTS = ['address', 'bound', 'expires', 'hostname', 'machine'] as const;

export const leaseQuery = z.strictObject({
  subnet: z.string().max(64).optional(),
  search: z.string().max(255).optional().meta({ description: 'part of an address, MAC, host name or machine' }),
  /** Released and expired leases too. */
  all: z.stringbool().default(false),
  ...ofMachines,
  state: z.enum(['bound', 'released', 'declined']).optional(),
  sort: z.enum(LEASE_SORTS).default('address'),
  descending: z.stringbool().default(false),
  limit: z.coerce.number().int().min(1).max(10_000).default(1000),
  after,
});
export type LeaseQuery = z.output<typeof leaseQuery>;

export const leaseList = z.object({
  items: z.array(lease),
  /** How many match in all. */
  total: z.int(),
  next,
});

export const loader = z
  .object({
    /** The name it is offered and served by. */
    name: z.string(),
    present: z.boolean(),
    size: z.int().optional(),
    path: z.string().optional(),
  })
  .meta({ id: 'Loader' });

export const loaderUpload = z.strictObject({
  name: z.string().max(255),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'want 64 hexadecimal digits in lower case')
    .optional()
    .meta({ description: 'refuse the file unless this is its digest' }),
});

export const auditEntry = z
  .object({
    /** Counts from 1. */
    seq: z.int(),
    at: time,
    who: z.string(),
    action: z.string(),
    target: z.string(),
    detail: z.string(),
    /** SHA-256 over the hash of the entry before and this one, hex. */
    hash: z.string(),
  })
  .meta({ id: 'AuditEntry' });

export const auditQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(10_000).default(100),
  before: z.coerce.number().int().min(1).optional().meta({ description: '`seq` of the last one seen' }),
  after,
  who: z.string().max(255).optional(),
  action: z.string().max(255).optional().meta({ description: 'such as startJobs: the operation of the API' }),
  target: z.string().max(255).optional().meta({ description: 'part of what it was done to' }),
});

export const auditVerifyQuery = z.strictObject({
  head: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'want a hash that `ingot audit verify` printed, 64 hexadecimal digits')
    .optional()
    .meta({ description: 'a hash that was kept elsewhere: it must still be there' }),
});

/** Whether the audit log is as it was written. */
export const auditReport = z
  .object({
    entries: z.int(),
    /** Of the newest entry: keep it elsewhere. */
    head: z.object({ seq: z.int(), hash: z.string() }),
    findings: z.array(
      z.object({
        kind: z.enum(['changed', 'removed', 'inserted', 'head-missing']),
        seq: z.int(),
        text: z.string(),
      }),
    ),
  })
  .meta({ id: 'AuditReport' });
