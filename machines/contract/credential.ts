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

/** The same for secrets: no message repeats what was got. */
export const secretText = z
  .string({ error: 'got something else, want text' })
  .min(1, 'got nothing, want a secret')
  .max(255, 'got more than 255 characters, want fewer')
  .regex(/^[^\p{Cc}]*$/u, 'got control characters, want one line without any');

export const kgText = z
  .string({ error: 'got something else, want text' })
  .regex(/^[0-9a-f]{40}$/, 'got something else, want 20 bytes as 40 hexadecimal digits');

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

const sent = (text: z.ZodString) =>
  z.union([z.literal(SEALED), z.strictObject({ value: text })], {
    error:
      'got something else, want { value: TEXT }, or *** where the sealed one stays; the daemon reads no file or variable for a caller',
  });

/**
 * The same as it is sent to the daemon, by whoever has read the secrets already. They are sealed at once and never
 * shown again.
 */
export const sentCredential = z.strictObject({
  ...credentialDocument.shape,
  password: sent(secretText),
  kg: sent(kgText).optional(),
});
export type SentCredential = z.output<typeof sentCredential>;
