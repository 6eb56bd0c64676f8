import { z } from 'zod';
import { name } from '../documents.ts';

export const replaceRequest = z.strictObject({
  /** The record of the hardware that came; it ends. */
  by: name,
  /** Say what would move and what stands against it, and change nothing. */
  dryRun: z.boolean().default(false),
  /** The conflicts that a person has seen and goes on in spite of, word for word. */
  despite: z.array(z.string().max(2048)).max(64).default([]),
});

export const replaceAnswer = z
  .object({ done: z.boolean(), moves: z.array(z.string()), conflicts: z.array(z.string()) })
  .meta({ id: 'Replacement' });
export type ReplaceAnswer = z.output<typeof replaceAnswer>;
