import { readFile } from 'node:fs/promises';

/** Where a secret is told. */
export type SecretPlace = { readonly file: string } | { readonly env: string };

/** Shorter ones are found by trying. */
const MIN_CHARACTERS = 16;

/** Rejects with a sentence that names the place, never what is in it. */
export async function readSecret(
  place: SecretPlace,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const where = 'file' in place ? place.file : `$${place.env}`;
  const text = 'file' in place ? await textOf(place.file) : env[place.env];
  const secret = text?.trim() ?? '';
  if (secret === '') throw new Error(`webhooks: there is no secret in ${where}`);
  if (secret.length < MIN_CHARACTERS) {
    throw new Error(`webhooks: the secret in ${where} has ${secret.length} characters, want ${MIN_CHARACTERS} or more`);
  }
  return secret;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new Error(`webhooks: the secret in ${file} cannot be read`, { cause });
  }
}
