import { constants } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Random } from '#services/auth/secret.ts';
import { KEY_BYTES } from './envelope.ts';
import { VaultError } from './vault-error.ts';

/** In the data directory. A backup of the data directory that leaves it out holds no readable secret. */
export const SEAL_KEY_FILE = 'seal.key';
/** As `LoadCredential=ingot-seal-key:…` or `LoadCredentialEncrypted=` of the unit gives it. */
export const SEAL_KEY_CREDENTIAL = 'ingot-seal-key';

export type SealKey = { readonly key: Uint8Array; readonly path: string; readonly made: boolean };

/**
 * The key under which secrets are sealed: systemd's credential where there is one, else the file in the data directory,
 * which is made at the first start (`mayMake`).
 */
export async function sealKey(from: {
  readonly dataDir: string;
  /** `$CREDENTIALS_DIRECTORY` */
  readonly credentialsDir: string | undefined;
  readonly mayMake: boolean;
  readonly random: Random;
}): Promise<SealKey> {
  if (from.credentialsDir !== undefined) {
    const path = join(from.credentialsDir, SEAL_KEY_CREDENTIAL);
    const key = await readKey(path);
    if (key) return { key, path, made: false };
  }
  const path = join(from.dataDir, SEAL_KEY_FILE);
  const key = await readKey(path);
  if (key) return { key, path, made: false };
  if (!from.mayMake) {
    throw new VaultError(
      'key-lost',
      `${path} is missing, and secrets are sealed under it: bring it back from where it was kept. If it is lost, make a new one (head -c ${KEY_BYTES} /dev/urandom > ${path}; chmod 600 ${path}) and set each credential again`,
    );
  }
  const made = from.random(KEY_BYTES);
  await writeKey(path, made);
  return { key: made, path, made: true };
}

/** Nothing where there is no such file. Permissions are read from the open file, so that nobody swaps it in between. */
async function readKey(path: string): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    const { mode, size } = await file.stat();
    if ((mode & 0o077) !== 0) {
      const open = (mode & 0o777).toString(8).padStart(4, '0');
      throw new VaultError('key-open', `${path} has mode ${open}, want 0600 at most: chmod 600 ${path}`);
    }
    if (size !== KEY_BYTES) throw new VaultError('key-malformed', `${path} is ${size} bytes, want ${KEY_BYTES}`);
    return new Uint8Array(await file.readFile());
  } catch (cause) {
    if (cause instanceof VaultError) throw cause;
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new VaultError('key-malformed', `${path} cannot be read`, { cause });
  }
}

/** Whole or not at all, and never readable by others, not even for a moment. */
async function writeKey(path: string, key: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.new`;
  await rm(beside, { force: true });
  {
    await using file = await open(beside, 'wx', 0o600);
    await file.writeFile(key);
    await file.sync();
  }
  await rename(beside, path);
  // What is sealed under a key that a power cut takes away is gone for ever.
  await using directory = await open(dirname(path), constants.O_RDONLY);
  await directory.sync();
}
