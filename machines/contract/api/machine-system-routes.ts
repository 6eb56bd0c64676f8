import { z } from 'zod';
import { name } from '../documents.ts';
import type { Route } from './route.ts';

const byName = z.strictObject({ name });
const flag = z.stringbool().optional();

/** What the system that runs on a machine does or tells by its machine API: as yet, our agent. */
export const MACHINE_SYSTEM_ROUTES = {
  rebootMachine: {
    method: 'POST',
    path: '/api/v1/machines/{name}/system/reboot',
    summary: 'Have the system that runs on a machine restart it; refused while it writes a disk',
    role: 'operator',
    params: byName,
    answer: { kind: 'empty' },
  },
  shutdownMachine: {
    method: 'POST',
    path: '/api/v1/machines/{name}/system/shutdown',
    summary: 'Have the system that runs on a machine turn it off; refused while it writes a disk',
    role: 'operator',
    params: byName,
    answer: { kind: 'empty' },
  },
  readSystemLog: {
    method: 'GET',
    path: '/api/v1/machines/{name}/system/log',
    summary: 'The log of the kernel or of the agent that runs on a machine, from the machine itself, as lines of text',
    role: 'viewer',
    params: byName,
    query: z.strictObject({
      of: z.enum(['kernel', 'agent']).default('kernel'),
      follow: flag,
      /** agent: so many lines from its end. */
      tail: z.coerce.number().int().min(1).max(10_000).optional(),
    }),
    answer: { kind: 'bytes', contentType: 'text/plain; charset=utf-8' },
  },
} as const satisfies Record<string, Route>;
