import { createHash } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AccessKey } from '#services/store/contract.ts';
import type { Access } from './access.ts';
import { looksLikeSecret, newSecret } from './secret.ts';

/** In the data directory; mode 0600, so whoever can read it could read the database as well. */
export const OPERATOR_TOKEN_FILE = 'operator.token';

export type OperatorToken = {
  readonly path: string;
  readonly made: boolean;
  /** Others could read the file until now. */
  readonly wasOpen: boolean;
  readonly key: AccessKey;
};

/**
 * The admin's token for the command line of the same machine: made at the first start, admitted at each. Who removes the
 * file and starts again has a new one, and the old one is void with all that was made with it.
 *
 * `sharedBy`: which of several daemons on one database this is; each has a token of its own.
 */
export async function operatorToken({
  access,
  dataDir,
  sharedBy,
}: {
  readonly access: Pick<Access, 'admit'>;
  readonly dataDir: string;
  readonly sharedBy?: string | undefined;
}): Promise<OperatorToken> {
  const path = join(dataDir, OPERATOR_TOKEN_FILE);
  const found = await readToken(path);
  const secret = found?.secret ?? newSecret();
  if (!found) await writeToken(path, secret);
  const which = sharedBy === undefined ? '' : `-${createHash('sha256').update(sharedBy).digest('hex').slice(0, 12)}`;
  const key = await access.admit({ id: `operator${which}`, name: 'operator', role: 'admin', secret });
  return { path, made: !found, wasOpen: found?.wasOpen ?? false, key };
}

async function readToken(path: string): Promise<{ secret: string; wasOpen: boolean } | undefined> {
  try {
    const secret = (await readFile(path, 'utf8')).trim();
    if (!looksLikeSecret(secret)) {
      throw new Error(`${path} holds no token of ours; remove it, and the next start makes a new one`);
    }
    const wasOpen = ((await stat(path)).mode & 0o077) !== 0;
    if (wasOpen) await chmod(path, 0o600);
    return { secret, wasOpen };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whole or not at all, and never readable by others, not even for a moment. */
async function writeToken(path: string, secret: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.new`;
  await rm(beside, { force: true });
  const file = await open(beside, 'wx', 0o600);
  try {
    await file.writeFile(`${secret}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
}
