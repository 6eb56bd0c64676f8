import { z } from 'zod';
import { DOCUMENT_KINDS } from '../documents.ts';
import { appliedInput } from './document-form.ts';
import { problem } from './problem.ts';

export const MAX_APPLIED = 20_000;

export const applyRequest = z.strictObject({
  documents: z.array(appliedInput).max(MAX_APPLIED),
  /** Say what would change, and change nothing. */
  dryRun: z.boolean().default(false),
  /**
   * Remove what was applied from the same `from` and is not in `documents`; credentials only where `documents` hold one.
   */
  prune: z.boolean().default(false),
  /** The file or directory that the documents come from; without it nothing is pruned. */
  from: z.string().max(1024).optional(),
});

/** A value before and after, by its path in the document: `macs[1]`. An absent side is not there. */
export const difference = z.object({
  path: z.string(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
});
export type Difference = z.output<typeof difference>;

export const appliedChange = z
  .object({
    kind: z.enum([...DOCUMENT_KINDS, 'Credential']),
    name: z.string(),
    /** `kept`: it would have been pruned, but a rule forbids it. `failed`: see `problem`. */
    change: z.enum(['created', 'changed', 'unchanged', 'removed', 'kept', 'failed']),
    differences: z.array(difference),
    /** Which of `documents` it is, from 0. */
    index: z.int().optional(),
    because: z.string().optional(),
    problem: problem.optional(),
  })
  .meta({ id: 'AppliedChange' });
export type AppliedChange = z.output<typeof appliedChange>;

export const applyAnswer = z
  .object({
    dryRun: z.boolean(),
    /** False when any of them failed. The others are done: each document stands for itself. */
    ok: z.boolean(),
    changes: z.array(appliedChange),
  })
  .meta({ id: 'ApplyAnswer' });
export type ApplyAnswer = z.output<typeof applyAnswer>;
