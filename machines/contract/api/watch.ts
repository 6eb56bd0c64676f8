import { z } from 'zod';
import { DOCUMENT_KINDS, name } from '../documents.ts';
import { documentInput } from './document-form.ts';
import { job } from '../job.ts';
import { grant, machineResource } from './machine-resource.ts';
import { attempt, traceEvent } from './trace-resource.ts';

export const WATCH_KINDS = ['machine', 'document', 'attempt', 'trace', 'grant', 'job'] as const;
export type WatchKind = (typeof WATCH_KINDS)[number];

/** `kinds=machine,attempt`; absent: all but `trace`, which is a line for every packet. */
const kinds = z
  .string()
  .default(WATCH_KINDS.filter((kind) => kind !== 'trace').join(','))
  .transform((text, context): readonly WatchKind[] => {
    const words = text.split(',').map((word) => word.trim());
    const known = WATCH_KINDS.filter((kind) => words.includes(kind));
    if (known.length === new Set(words).size) return known;
    context.addIssue({ code: 'custom', message: `want some of ${WATCH_KINDS.join(', ')}`, input: text });
    return z.NEVER;
  });

export const watchQuery = z.strictObject({
  kinds,
  machine: name.optional().meta({ description: 'only what is about this machine' }),
});

/**
 * What `/api/v1/watch` sends, one JSON object a message. Its id resumes the stream (`Last-Event-ID`); `reset` says that
 * what was missed is not kept any more, so that the watcher reads everything again.
 */
export const watchEvent = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('machine'), name: z.string(), machine: machineResource.nullable() }),
    z.object({
      kind: z.literal('document'),
      documentKind: z.enum(DOCUMENT_KINDS),
      name: z.string(),
      document: documentInput.nullable(),
    }),
    z.object({ kind: z.literal('attempt'), attempt }),
    z.object({ kind: z.literal('trace'), attempt: z.string(), machine: z.string().optional(), event: traceEvent }),
    z.object({ kind: z.literal('grant'), grant }),
    z.object({ kind: z.literal('job'), job }),
    z.object({ kind: z.literal('reset') }),
  ])
  .meta({ id: 'WatchEvent' });
export type WatchEvent = z.output<typeof watchEvent>;
