import { z } from 'zod';
import { labels, name } from './documents.ts';

/** How a secret is shown, and how a document says that the sealed one stays as it is. */
export const SEALED = '***';

/** Printable, without control characters: what logs in to a BMC. */
export const loginText = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\p{Cc}]*$/u, 'want one line without control characters');

export const kgText = z.string().regex(/^[0-9a-f]{40}$/, 'want 20 bytes as 40 hexadecimal digits');

export const rotateDays = z.int().min(1).max(3650);

const place = z.string().min(1).max(1024);
const from = z.union([z.strictObject({ file: place }), z.strictObject({ env: place })]);
export type SecretSource = z.output<typeof from>;

/** Where whoever applies it finds the secret. The message must not repeat what was got: it may be the secret itself. */
const secret = z.union([z.literal(SEALED), z.strictObject({ from })], {
  error: 'got something else, want from: { file: FILE } or from: { env: NAME }: a secret never stands in a document',
});

/**
 * A credential of BMCs as a file says it. It is no document of the store: what `from` names is read by whoever applies
 * it, and is sealed by the daemon.
 */
export const credentialDocument = z.strictObject({
  kind: z.literal('Credential'),
  apiVersion: z.literal('ingot/v1').optional(),
  name,
  labels: labels.default({}),
  username: loginText,
  password: secret,
  /** IPMI's K_g: 40 hexadecimal digits. */
  kg: secret.optional(),
  /** BMCs that are opened with it get a password of their own, and another one before it is so old. */
  rotateDays: rotateDays.optional(),
  /** They get a user of their own as well, beside the one of this credential. Redfish only. */
  ownUser: z.boolean().default(false),
});
export type CredentialDocument = z.output<typeof credentialDocument>;
