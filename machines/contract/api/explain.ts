import { z } from 'zod';
import { macAddress } from '../documents.ts';

export const explainQuery = z.strictObject({
  of: z.string().min(1).max(255).meta({ description: 'a MAC address in any notation, or the name of a machine' }),
});

/** Why a machine boots what it boots, and the bytes that it would be sent now. */
export const explanation = z
  .object({
    machine: z.string().optional(),
    mac: macAddress.optional(),
    acceptance: z.enum(['seen', 'accepted', 'rejected']).optional(),
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
