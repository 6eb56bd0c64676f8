import { z } from 'zod';
import { parseSelector, type Term } from './selector.ts';

/** Conditions on labels or facts. Repeatable, and each may hold several separated by commas. */
export const terms = z
  .union([z.string(), z.array(z.string())])
  .optional()
  .transform((text, context): readonly Term[] => {
    return [text ?? []].flat().flatMap((one) => {
      const result = parseSelector(one);
      if (result.ok) return result.value;
      context.addIssue({ code: 'custom', message: result.because, input: text });
      return [];
    });
  });

/** Of the machine that something is about. */
export const ofMachines = {
  label: terms.meta({ description: 'conditions on the labels of its machine: rack=r1,env!=prod' }),
  fact: terms.meta({ description: 'conditions on the facts of its machine: arch=arm64,gpu.count>=1' }),
};

export const after = z.string().max(1024).optional().meta({ description: '`next` of the page before' });

/** Of lists by time. */
export const byTime = z.enum(['newest', 'oldest']).default('newest').meta({ description: 'what comes first' });

export const next = z
  .string()
  .optional()
  .meta({ description: 'give it as `after` for the next page; absent on the last' });

/** Of the documents of one kind, of which there are few: without `limit` all of them come. */
export const documentQuery = <const F extends readonly string[]>(sorts: F) =>
  z.strictObject({
    search: z.string().max(255).optional().meta({ description: 'part of anything that stands in the document' }),
    label: terms.meta({ description: 'conditions on labels: rack=r1,env!=prod' }),
    sort: z.enum(['name', ...sorts]).default('name'),
    descending: z.stringbool().default(false),
    limit: z.coerce.number().int().min(1).max(10_000).optional().meta({ description: 'all where it is absent' }),
    after,
  });
