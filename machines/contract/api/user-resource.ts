import { z } from 'zod';
import { parseSelector } from './selector.ts';
import { ROLES } from './role.ts';

const time = z.number();
const role = z.enum(ROLES);

/** RFC 8265 is about more than this; what is typed at a login should be typed by anyone. */
export const userName = z
  .string()
  .max(63)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._@-]*[A-Za-z0-9])?$/, 'want letters, digits, dots, dashes, underscores or @');

/** Conditions on labels, such as `rack=r1,env!=prod`: who has them sees and does nothing to any other machine. */
export const scope = z
  .string()
  .min(1)
  .max(1024)
  .superRefine((text, context) => {
    const read = parseSelector(text);
    if (!read.ok) context.addIssue({ code: 'custom', message: read.because, input: text });
    else if (read.value.length === 0) context.addIssue({ code: 'custom', message: 'want a condition', input: text });
  })
  .meta({ description: 'only machines whose labels are so: rack=r1,env!=prod' });

/** NIST SP 800-63B §5.1.1.2: length counts, composition rules do not. */
export const MIN_PASSWORD = 12;
/** Characters; a longer one only costs time to hash. */
export const MAX_PASSWORD = 256;
const newPassword = z.string().min(MIN_PASSWORD, `want at least ${MIN_PASSWORD} characters`).max(MAX_PASSWORD);

/** SHA-256 over a client's certificate (DER), as `openssl x509 -fingerprint -sha256` prints it or bare. */
const fingerprint = z
  .string()
  .max(95)
  .transform((text) => text.replaceAll(':', '').toLowerCase())
  .pipe(z.string().regex(/^[0-9a-f]{64}$/, 'want the SHA-256 of a certificate, 64 hexadecimal digits'));
const certificates = z.array(fingerprint).max(16);

/** Someone who may come in. Neither password nor its hash is ever in an answer. */
export const user = z
  .object({
    name: z.string(),
    role,
    scope: z.string().optional(),
    disabled: z.boolean(),
    /** Can they come in with a password? */
    hasPassword: z.boolean(),
    /** SHA-256 of client certificates that are theirs. */
    certificates: z.array(z.string()),
    /** Made by hand, or by the first login through an OpenID provider. */
    source: z.enum(['local', 'oidc']),
    createdAt: time,
    passwordChangedAt: time.optional(),
    lastLoginAt: time.optional(),
  })
  .meta({ id: 'User' });
export type UserResource = z.output<typeof user>;

export const newUser = z.strictObject({
  name: userName,
  role: role.default('viewer'),
  scope: scope.optional(),
  password: newPassword.optional(),
  certificates: certificates.default([]),
});

export const userPatch = z.strictObject({
  role: role.optional(),
  /** `null`: all machines. */
  scope: scope.nullable().optional(),
  disabled: z.boolean().optional(),
  certificates: certificates.optional(),
});

export const passwordChange = z.strictObject({
  password: newPassword,
  current: z.string().max(MAX_PASSWORD).optional().meta({ description: 'needed to change your own' }),
});

export const loginRequest = z.strictObject({
  name: z.string().max(63),
  password: z.string().max(MAX_PASSWORD),
  bearer: z.boolean().default(false).meta({
    description: 'for programs: the secret of the session is in the answer, and no cookie is set',
  }),
});

export const loginAnswer = z
  .object({
    name: z.string(),
    role,
    scope: z.string().optional(),
    expiresAt: time,
    /** Only where `bearer` was asked for. */
    secret: z.string().optional(),
  })
  .meta({ id: 'LoginAnswer' });

/** How people can come in, for the page before the door. */
export const loginWays = z
  .object({
    password: z.boolean(),
    /** Begin at `/api/v1/oidc/start`. */
    oidc: z.object({ name: z.string() }).optional(),
  })
  .meta({ id: 'LoginWays' });
