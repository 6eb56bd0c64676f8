import { createWriteStream, existsSync, lchownSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { decryptAge } from '#services/backup/age.ts';
import type { AgeIdentity } from '#services/backup/age-keys.ts';
import { ArchiveError, readArchive } from '#services/backup/archive.ts';
import { CONFIGURATION, DATA, MANIFEST, type Manifest, manifest } from '#services/backup/manifest.ts';
import type { Random } from '#services/auth/secret.ts';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { openVault } from '#services/vault/vault.ts';

/** In the data directory, until all of the backup has been read and looked at. */
const STAGING = '.restoring';
/** The configuration of the machine that the backup is of, for a person to read and put in place. */
export const RESTORED_CONFIGURATION = 'ingot.yaml.restored';
const MAX_MANIFEST_BYTES = 64 * 1024;

export type Restored = {
  readonly manifest: Manifest;
  readonly files: number;
  readonly configuration: string | undefined;
};

/** Why a backup is not restored: the sentence that is told. */
export class RestoreError extends Error {
  override readonly name = 'RestoreError';
}

/**
 * Restores into an empty data directory: all or nothing. Nothing is put in place before the file has been read to its
 * end, its database has been looked through and its key opens the secrets in it. `note` is left there first, so that
 * the daemon parks all jobs and voids all grants and tokens at its next start (safety rule 6).
 *
 * Throws an `AgeError`, an `ArchiveError`, a `RestoreError`, a `StoreError` or a `VaultError`.
 */
export async function restoreBackup(parts: {
  readonly source: AsyncIterable<Uint8Array>;
  readonly dataDir: string;
  readonly identities: readonly AgeIdentity[];
  readonly note: (because: string) => Promise<void>;
  readonly random: Random;
}): Promise<Restored> {
  const { source, dataDir, identities, note, random } = parts;
  mkdirSync(dataDir, { recursive: true, mode: 0o750 });
  const inTheWay = readdirSync(dataDir).filter((name) => name !== 'lost+found' && name !== STAGING);
  if (inTheWay.length > 0) {
    throw new RestoreError(
      `${dataDir} is not empty: it has ${inTheWay.slice(0, 3).join(', ')}; want an empty directory`,
    );
  }
  const staging = join(dataDir, STAGING);
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { mode: 0o700 });
  try {
    const { is, files } = await unpack(decryptAge(source, { identities }), staging);
    if (is.store === 'sqlite') await examine(join(staging, 'data'), random);
    const configuration = join(staging, CONFIGURATION);
    const hasConfiguration = existsSync(configuration);
    if (hasConfiguration) await rename(configuration, join(staging, 'data', RESTORED_CONFIGURATION));
    ownAs(join(staging, 'data'), statSync(dataDir));
    // The note first: a database without it would go on as if nothing had been.
    await note(`restored from the backup of ${is.host} of ${is.madeAt}`);
    ownAs(join(dataDir, 'restored.json'), statSync(dataDir));
    for (const name of readdirSync(join(staging, 'data')))
      await rename(join(staging, 'data', name), join(dataDir, name));
    return { manifest: is, files, configuration: hasConfiguration ? join(dataDir, RESTORED_CONFIGURATION) : undefined };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function unpack(
  source: AsyncIterable<Uint8Array>,
  staging: string,
): Promise<{ readonly is: Manifest; readonly files: number }> {
  let is: Manifest | undefined;
  let files = 0;
  await readArchive(source, async ({ path, size }, content) => {
    if (is === undefined) {
      if (path !== MANIFEST || size > MAX_MANIFEST_BYTES) throw new ArchiveError('it holds no backup of Ingot');
      is = parseManifest(Buffer.concat(await Array.fromAsync(content)).toString());
      return;
    }
    if (path !== CONFIGURATION && !path.startsWith(DATA)) throw new ArchiveError(`it holds ${path}, which is no data`);
    const target = join(staging, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    // Never over something that is there: a path that comes twice is no backup of ours.
    await pipeline(Readable.from(content), createWriteStream(target, { flags: 'wx', mode: 0o600, flush: true }));
    files += 1;
  });
  if (is === undefined) throw new ArchiveError('it is empty');
  await mkdir(join(staging, 'data'), { recursive: true });
  return { is, files };
}

function parseManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const read = manifest.safeParse(value);
  if (!read.success) throw new ArchiveError('its manifest is of another version of Ingot, or none');
  return read.data;
}

/** Brings the database to this version's schema, and tries whether its secrets open. */
async function examine(dir: string, random: Random): Promise<void> {
  {
    await using store = await openSqliteStore({ dir });
    const vault = await openVault({ secrets: store.secrets, dataDir: dir, credentialsDir: undefined, random });
    const [first] = await vault.unreadable();
    if (first) throw new RestoreError(`its key does not open its secrets: ${first.message}`);
  }
  for (const name of ['ingot.lock', 'ingot.pid']) await rm(join(dir, name), { force: true });
}

/** Root restores for the user that the directory belongs to. */
function ownAs(path: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  if (process.getuid?.() !== 0 || uid === 0) return;
  lchownSync(path, uid, gid);
  if (!statSync(path).isDirectory()) return;
  for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) lchownSync(join(path, name), uid, gid);
}
