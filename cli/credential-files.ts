import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type CredentialDocument,
  kgText,
  loginText,
  SEALED,
  type SecretSource,
} from '#machines/contract/credential.ts';
import { badInput, CommandFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';
import { codeOf } from './where.ts';

/** A credential of a file, where it stands, and the folder from which its files are meant. */
export type ReadCredential = {
  readonly document: CredentialDocument;
  readonly dir: string;
  readonly place: (path: string) => string;
};

type Secrets = { readonly password?: string; readonly kg?: string; readonly keepsKg: boolean };

/**
 * The secrets that documents name, read here and now: from files beside the document, or from the environment. All that
 * is wrong is one failure, which names the place and never the secret.
 */
export async function readSecrets(
  credentials: readonly ReadCredential[],
  { env }: Pick<Terminal, 'env'>,
): Promise<readonly Secrets[]> {
  const wrong: string[] = [];
  const found: Secrets[] = [];
  for (const { document, dir, place } of credentials) {
    const read = async (path: 'password' | 'kg', isSecret: (text: string) => boolean, wanted: string) => {
      const said = document[path];
      if (said === undefined || said === SEALED) return undefined;
      const got = await secretOf(said.from, dir, env);
      const because = !got.ok ? got.because : isSecret(got.text) ? undefined : `${got.where} ${wanted}`;
      if (because === undefined && got.ok) return got.text;
      wrong.push(`${place(`${path}.from`)}: Credential ${document.name}: ${path}: ${because ?? ''}`);
      return undefined;
    };
    const password = await read(
      'password',
      (text) => loginText.safeParse(text).success,
      'is no line of 1 to 255 characters',
    );
    const kg = await read('kg', (text) => kgText.safeParse(text).success, 'is not 40 hexadecimal digits in lower case');
    found.push({
      ...(password === undefined ? {} : { password }),
      ...(kg === undefined ? {} : { kg }),
      keepsKg: document.kg === SEALED,
    });
  }
  if (wrong.length > 0) throw badInput(...wrong);
  return found;
}

type Got =
  | { readonly ok: true; readonly text: string; readonly where: string }
  | { readonly ok: false; readonly because: string };

async function secretOf(from: SecretSource, dir: string, env: Terminal['env']): Promise<Got> {
  if ('env' in from) {
    const text = env[from.env];
    return text === undefined || text === ''
      ? { ok: false, because: `the variable ${from.env} is not set` }
      : { ok: true, text, where: `what the variable ${from.env} holds` };
  }
  try {
    const text = (await readFile(resolve(dir, from.file), 'utf8')).replace(/\r?\n$/, '');
    return { ok: true, text, where: `what ${from.file} holds` };
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof CommandFailure || code === undefined) throw error;
    return {
      ok: false,
      because: code === 'ENOENT' ? `there is no file ${from.file}` : `${from.file} cannot be read (${code})`,
    };
  }
}
