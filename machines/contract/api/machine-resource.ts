import { z } from 'zod';
import { MACHINE_ACTIONS } from '../../decide/actions.ts';
import { STANDINGS } from '../../decide/inspection.ts';
import { terms } from './list.ts';
import { machineDocument, macAddress, name, uuid } from '../documents.ts';
import { STAGES, VERDICT_CODES } from '../trace.ts';
import { attempt } from './trace-resource.ts';

const time = z.number().meta({ description: 'milliseconds since 1970-01-01T00:00:00Z' });

export const fact = z.object({
  value: z.union([z.string(), z.number(), z.boolean()]),
  at: time,
  source: z.enum(['dhcp', 'ipxe', 'http', 'agent', 'bmc', 'operator', 'import']),
});

export const ACCEPTANCES = ['seen', 'accepted', 'rejected'] as const;
export const SERVICES = ['none', 'adopted', 'maintenance', 'retired'] as const;

/** What the daemon knows of a machine; never read on input. */
export const machineStatus = z
  .object({
    /** Counts up with every change of the document or of what an operator set; the ETag. */
    rev: z.int(),
    /** In one word: from acceptance, service, and whether the agent has been there. */
    standing: z.enum(STANDINGS),
    acceptance: z.enum(ACCEPTANCES),
    service: z.enum(SERVICES),
    locked: z.boolean(),
    identifiers: z.object({ macs: z.array(macAddress), uuids: z.array(uuid), serials: z.array(z.string()) }),
    facts: z.record(z.string(), fact),
    firstSeen: time.optional(),
    lastSeen: time.optional(),
    /** The file or directory that `apply` read last. */
    appliedFrom: z.string().optional(),
    /** What may be done to it now, by the table of allowed actions. */
    actions: z.array(z.enum(MACHINE_ACTIONS)),
    /** Its newest boot attempt. */
    attempt: attempt.optional(),
  })
  .meta({ id: 'MachineStatus' });

/** A machine over the API: the document as it is written in a file, and its `status`. */
export const machineResource = z.object({ ...machineDocument.shape, status: machineStatus }).meta({ id: 'Machine' });
export type MachineResource = z.output<typeof machineResource>;

export const MACHINE_SORTS = ['name', 'first-seen', 'last-seen', 'last-boot'] as const;

export const machineQuery = z.strictObject({
  search: z
    .string()
    .max(255)
    .optional()
    .meta({ description: 'part of a name, MAC, address, serial, UUID, manufacturer or product' }),
  label: terms.meta({ description: 'conditions on labels: rack=r1,env!=prod' }),
  fact: terms.meta({ description: 'conditions on facts: arch=arm64,gpu.count>=1' }),
  acceptance: z.enum(ACCEPTANCES).optional(),
  service: z.enum(SERVICES).optional(),
  stage: z.enum(STAGES).optional().meta({ description: 'how far its newest boot attempt came' }),
  verdict: z.enum(VERDICT_CODES).optional(),
  site: name.optional(),
  rack: name.optional(),
  sort: z.enum(MACHINE_SORTS).default('name'),
  descending: z.stringbool().default(false),
  limit: z.coerce.number().int().min(1).max(10_000).default(100),
  after: z.string().max(1024).optional().meta({ description: '`next` of the page before' }),
});
export type MachineQuery = z.output<typeof machineQuery>;

export const machineList = z.object({
  items: z.array(machineResource),
  /** How many match in all. */
  total: z.int(),
  /** Give it as `after` for the next page; absent on the last one. */
  next: z.string().optional(),
});

export const grant = z
  .object({
    id: z.string(),
    machine: z.string(),
    profile: z.string(),
    createdAt: time,
    by: z.string(),
    attempt: z.string().optional(),
    spentAt: time.optional(),
  })
  .meta({ id: 'Grant' });
