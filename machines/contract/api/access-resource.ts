import { z } from 'zod';
import { ROLES } from './role.ts';
import { scope } from './user-resource.ts';

const time = z.number();
const role = z.enum(ROLES);

/** A way in, without its secret. */
export const accessKey = z
  .object({
    id: z.string(),
    kind: z.enum(['token', 'session', 'code']),
    name: z.string(),
    role,
    /** Whose it is; it ends with them. */
    user: z.string().optional(),
    scope: z.string().optional(),
    parent: z.string().optional().meta({ description: 'id of the token that it was made with; it ends with that one' }),
    certificate: z
      .string()
      .optional()
      .meta({ description: 'SHA-256 of the client certificate that it was made with; it ends with that one' }),
    createdAt: time,
    expiresAt: time.optional(),
  })
  .meta({ id: 'AccessKey' });
export type AccessKeyResource = z.output<typeof accessKey>;

export const newToken = z.strictObject({
  name: z
    .string()
    .max(63)
    .regex(/^[A-Za-z0-9]([A-Za-z0-9._@-]*[A-Za-z0-9])?$/, 'want letters, digits, dots, dashes, underscores or @'),
  role: role.default('viewer'),
  scope: scope.optional(),
  days: z
    .int()
    .min(1)
    .max(3650)
    .optional()
    .meta({ description: 'void after so many days, or with the token that it is made with; absent: never' }),
});

/** The secret is in this answer and nowhere else: only its hash is kept. */
export const madeToken = accessKey.extend({ secret: z.string() }).meta({ id: 'MadeToken' });

/** A code that opens one session, once, soon. */
export const madeCode = z.object({ code: z.string(), url: z.string(), expiresAt: time }).meta({ id: 'MadeCode' });

export const whoAmI = z
  .object({
    name: z.string(),
    role,
    kind: z.enum(['token', 'session']),
    user: z.string().optional(),
    scope: z.string().optional(),
    expiresAt: time.optional(),
  })
  .meta({ id: 'WhoAmI' });
