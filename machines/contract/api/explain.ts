import { z } from 'zod';
import { macAddress } from '../documents.ts';
import { STANDINGS } from '../../decide/inspection.ts';

export const explainQuery = z.strictObject({
  of: z.string().min(1).max(255).meta({ description: 'a MAC address in any notation, or the name of a machine' }),
});

/** Why a machine boots what it boots, and the bytes that it would be sent now. */
export const explanation = z
  .object({
    machine: z.string().optional(),
    mac: macAddress.optional(),
    acceptance: z.enum(['seen', 'accepted', 'rejected']).optional(),
    standing: z.enum(STANDINGS).optional(),
    locked: z.boolean().optional(),
    /** What would really happen, which is less than the plan where something is broken on the way. */
    outcome: z.object({
      kind: z.enum(['own-disk', 'hold', 'netboot', 'shell']),
      because: z.string(),
    }),
    /** Files that the script names and that would not be sent. */
    missing: z.array(z.object({ file: z.string(), because: z.string() })),
    plan: z.object({
      kind: z.enum(['own-disk', 'hold', 'netboot']),
      /** Which rule decided. */
      because: z.string(),
      /** Why its own disk: `no-grant`, `adopted`… */
      code: z.string().optional(),
      profile: z.string().optional(),
      image: z.string().optional(),
      grant: z.string().optional(),
    }),
    /** The first boot file, as far as its firmware is known. */
    loader: z.object({
      kind: z.enum(['loader', 'missing', 'impossible', 'unknown', 'none']),
      name: z.string().optional(),
      because: z.string(),
    }),
    /** What an iPXE of this machine would get, byte for byte; the attempt's id is a placeholder of the same length. */
    script: z.object({ situation: z.string(), because: z.string(), text: z.string() }),
  })
  .meta({ id: 'Explanation' });
export type Explanation = z.output<typeof explanation>;
