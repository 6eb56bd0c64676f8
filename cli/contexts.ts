import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { EXIT } from '#machines/contract/exit-status.ts';
import { CommandFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** A daemon by a name, and what lets us in. The file that holds them is its owner's alone. */
const context = z.strictObject({
  name: z.string().min(1).max(63),
  url: z.url({ protocol: /^https?$/ }),
  /** A session or a token. */
  token: z.string().optional(),
  /** SHA-256 over the public key (SPKI) of its certificate, base64: what it must be, whoever signed it. */
  pin: z.string().optional(),
  /** A file with the certificates (PEM) that it may be signed by. */
  ca: z.string().optional(),
  /** Files (PEM) of a client certificate of ours and its key; with them no token is needed. */
  certificate: z.string().optional(),
  key: z.string().optional(),
});
export type Context = z.output<typeof context>;

const file = z.strictObject({ current: z.string().optional(), contexts: z.array(context) });
export type Contexts = z.output<typeof file>;

const NONE: Contexts = { contexts: [] };

/** Where contexts are kept; nothing for who has no home. */
export function contextsFile(env: Terminal['env']): string | undefined {
  if (env['INGOT_CONTEXTS'] !== undefined) return env['INGOT_CONTEXTS'];
  const config = env['XDG_CONFIG_HOME'] ?? (env['HOME'] === undefined ? undefined : join(env['HOME'], '.config'));
  return config === undefined ? undefined : join(config, 'ingot', 'contexts.json');
}

export async function readContexts({ env }: Pick<Terminal, 'env'>): Promise<Contexts> {
  const path = contextsFile(env);
  if (path === undefined) return NONE;
  try {
    const text = await readFile(path, 'utf8');
    // As ssh does with keys: who else has read it is not known, so that it is said once.
    if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
    return file.parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return NONE;
    throw new CommandFailure(
      EXIT.badInput,
      `${path} cannot be read: ${error instanceof z.ZodError ? z.prettifyError(error) : String(error)}`,
      '  next: move it away and log in again: ingot login',
    );
  }
}

/** Whole or not at all, and never readable by others, not even for a moment. */
export async function writeContexts({ env }: Pick<Terminal, 'env'>, contexts: Contexts): Promise<string> {
  const path = contextsFile(env);
  if (path === undefined) {
    throw new CommandFailure(EXIT.badInput, 'there is no place for contexts: set HOME, or INGOT_CONTEXTS to a file');
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const beside = `${path}.new`;
  await rm(beside, { force: true });
  const handle = await open(beside, 'wx', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(file.parse(contexts), undefined, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, path);
  return path;
}

/** With this one in the place of another of its name, and current. */
export const withContext = ({ contexts }: Contexts, added: Context): Contexts => ({
  current: added.name,
  contexts: [...contexts.filter(({ name }) => name !== added.name), added],
});
