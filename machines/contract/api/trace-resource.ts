import { z } from 'zod';
import { ipAddress, ipv4, macAddress } from '../documents.ts';
import { after, byTime, ofMachines } from './list.ts';
import { STAGES, type TraceEvent, VERDICT_CODES } from '../trace.ts';

const time = z.number();
const text = z.string();
const count = z.int();

export const verdict = z.object({
  code: z.enum(VERDICT_CODES),
  stage: z.enum(STAGES),
  cause: text,
  next: text,
});

export const attempt = z
  .object({
    id: text,
    machine: text.optional(),
    mac: macAddress.optional(),
    address: ipAddress.optional(),
    site: text,
    startedAt: time,
    lastAt: time,
    endedAt: time.optional(),
    stage: z.enum(STAGES),
    verdict,
    events: count,
  })
  .meta({ id: 'Attempt' });
export type AttemptResource = z.output<typeof attempt>;

const client = z.object({
  kind: z.enum(['pxe', 'http', 'ipxe', 'raspberry-pi', 'u-boot', 'os']),
  archCode: count.optional(),
  vendorClass: text.optional(),
  userClass: text.optional(),
  http: z.boolean().optional(),
});

const common = { seq: count, at: time };
const event = <K extends string, S extends z.ZodRawShape>(kind: K, shape: S) =>
  z.object({ ...common, kind: z.literal(kind), ...shape });

/** The events of machines/contract/trace.ts, in its order. */
export const traceEvent = z
  .discriminatedUnion('kind', [
    event('dhcp-received', {
      message: z.enum(['DISCOVER', 'REQUEST', 'DECLINE', 'RELEASE', 'INFORM']),
      xid: count,
      port: count,
      client,
      secs: count,
      ciaddr: ipv4.optional(),
      requestedAddress: ipv4.optional(),
      serverId: ipv4.optional(),
      relay: z.object({ giaddr: ipv4, circuitId: text.optional() }).optional(),
      interface: text.optional(),
    }),
    event('dhcp-answered', {
      message: z.enum(['OFFER', 'ACK', 'NAK']),
      xid: count,
      proxy: z.boolean(),
      yiaddr: ipv4.optional(),
      serverId: ipv4,
      bootFile: text.optional(),
      to: text,
      because: text,
    }),
    event('dhcp-silent', { xid: count, code: text, because: text }),
    event('other-dhcp', { serverId: ipv4 }),
    event('tftp-asked', { file: text, options: text }),
    event('tftp-sent', { file: text, bytes: count, ms: z.number(), resent: count }),
    event('tftp-aborted', { file: text, probe: z.boolean(), bytes: count, text }),
    event('tftp-timeout', { file: text, bytes: count, size: count, ms: z.number() }),
    event('tftp-refused', { file: text, because: text }),
    event('http-asked', {
      path: text,
      role: z.enum(['loader', 'script', 'kernel', 'initrd', 'efi', 'other']),
    }),
    event('http-sent', {
      method: z.enum(['GET', 'HEAD']),
      path: text,
      role: z.enum(['loader', 'script', 'kernel', 'initrd', 'efi', 'other']),
      status: count,
      bytes: count,
      size: count,
      ms: z.number(),
      userAgent: text.optional(),
      because: text.optional(),
    }),
    event('script-rendered', { situation: text, because: text, bytes: count, initrds: count.optional() }),
    event('grant-spent', { grant: text }),
    event('log', { source: z.enum(['syslog', 'json', 'ipxe', 'kernel', 'agent', 'console']), severity: count, text }),
    event('boot-token', { act: z.enum(['taken', 'refused', 'voided']), because: text }),
    event('os-dhcp', { vendorClass: text.optional(), hostname: text.optional() }),
    event('reported', { by: z.enum(['agent', 'phone-home']), text }),
    event('dropped', { count, because: text }),
  ])
  .meta({ id: 'TraceEvent' });

/** Holds both together: a new kind of event that is not listed above does not compile. */
export const asTraceEvent = (parsed: z.output<typeof traceEvent>): TraceEvent => parsed as TraceEvent;
export const fromTraceEvent = (one: TraceEvent): z.input<typeof traceEvent> => one;

export const attemptQuery = z.strictObject({
  machine: text.max(63).optional(),
  mac: macAddress.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  before: z.coerce.number().optional().meta({ description: '`startedAt` of the last one seen' }),
  beforeId: text.max(64).optional().meta({ description: 'its `id`, so that others of the same millisecond follow' }),
  after,
  sort: byTime,
  stage: z.enum(STAGES).optional(),
  verdict: z.enum(VERDICT_CODES).optional(),
  ...ofMachines,
});

export const eventQuery = z.strictObject({
  after: z.coerce.number().int().min(0).default(0).meta({ description: '`seq` of the last one seen' }),
  limit: z.coerce.number().int().min(1).max(10_000).default(10_000),
});
