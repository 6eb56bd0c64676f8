import { chmodSync, createWriteStream, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { decryptAge } from '#services/backup/age.ts';
import type { AgeIdentity } from '#services/backup/age-keys.ts';
import { ArchiveError, readArchive } from '#services/backup/archive.ts';
import { CONFIGURATION, isMember, MANIFEST, type Manifest, manifest, OTHER } from '#services/backup/manifest.ts';
import type { Random } from '#services/auth/secret.ts';
import { holdDirectory, PID_FILE } from '#services/store/sqlite/directory-lock.ts';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { openVault } from '#services/vault/vault.ts';

/** In the data directory, until all of the backup has been read and looked at. */
const STAGING = '.restoring';
/** The configuration of the machine that the backup is of, for a person to read and put in place. */
export const RESTORED_CONFIGURATION = 'ingot.yaml.restored';
/** What else was in the data directory of that machine: nothing of it is read by the daemon. */
export const RESTORED_FILES = 'files.restored';
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
 * Root restores as the user whose directory it is, with their rights and no others: whatever they lay in the way there,
 * nothing is written where they may not write. `source` must be open already.
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
  using _rights = asOwnerOf(dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o750 });
  // Nobody but the owner comes in until all is in its place.
  using _mode = closed(dataDir);
  refuseUnlessEmpty(dataDir, [STAGING]);
  // No daemon starts on it meanwhile.
  const lock = holdDirectory(dataDir);
  const staging = join(dataDir, STAGING);
  try {
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging, { mode: 0o700 });
    const { is, files } = await unpack(decryptAge(source, { identities }), staging);
    if (is.store === 'sqlite') await examine(join(staging, 'data'), random);
    const configuration = join(staging, CONFIGURATION);
    const hasConfiguration = existsSync(configuration);
    if (hasConfiguration) await rename(configuration, join(staging, 'data', RESTORED_CONFIGURATION));
    const others = join(staging, OTHER);
    if (existsSync(others)) await rename(others, join(staging, 'data', RESTORED_FILES));
    refuseUnlessEmpty(dataDir, [STAGING, ...LOCK_FILES]);
    // The note first: a database without it would go on as if nothing had been.
    await note(`restored from the backup of ${is.host} of ${is.madeAt}`);
    for (const name of readdirSync(join(staging, 'data')))
      await rename(join(staging, 'data', name), join(dataDir, name));
    return { manifest: is, files, configuration: hasConfiguration ? join(dataDir, RESTORED_CONFIGURATION) : undefined };
  } finally {
    await rm(staging, { recursive: true, force: true });
    lock.release();
    for (const name of LOCK_FILES) await rm(join(dataDir, name), { force: true });
  }
}

const LOCK_FILES = ['ingot.lock', 'ingot.lock-journal', PID_FILE] as const;

function refuseUnlessEmpty(dataDir: string, allowed: readonly string[]): void {
  const inTheWay = readdirSync(dataDir).filter((name) => name !== 'lost+found' && !allowed.includes(name));
  if (inTheWay.length === 0) return;
  throw new RestoreError(`${dataDir} is not empty: it has ${inTheWay.slice(0, 3).join(', ')}; want an empty directory`);
}

async function unpack(
  source: AsyncIterable<Uint8Array>,
  staging: string,
): Promise<{ readonly is: Manifest; readonly files: number }> {
  let is: Manifest | undefined;
  let files = 0;
  const seen = new Set<string>();
  await readArchive(source, async ({ path, size }, content) => {
    if (is === undefined) {
      if (path !== MANIFEST || size > MAX_MANIFEST_BYTES) throw new ArchiveError('it holds no backup of Ingot');
      is = parseManifest(Buffer.concat(await Array.fromAsync(content)).toString());
      return;
    }
    if (!isMember(path) || path === MANIFEST) {
      throw new ArchiveError(`it holds ${path}, which no backup of Ingot has`);
    }
    if (seen.has(path)) throw new ArchiveError(`it holds ${path} twice`);
    seen.add(path);
    const target = join(staging, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    // Exclusive: never over, or through, something that is there.
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
  for (const name of LOCK_FILES) await rm(join(dir, name), { force: true });
}

/** Until it is disposed of, root has the rights of whoever a directory is, or would be, in. Others stay who they are. */
function asOwnerOf(path: string): Disposable {
  const { uid, gid } = nearest(path);
  if (process.geteuid?.() !== 0 || uid === 0) return { [Symbol.dispose]() {} };
  const groups = process.getgroups?.() ?? [];
  // glibc and musl change all threads of the process, those that read and write files included.
  process.setgroups?.([gid]);
  process.setegid?.(gid);
  process.seteuid?.(uid);
  return {
    [Symbol.dispose]() {
      process.seteuid?.(0);
      process.setegid?.(0);
      process.setgroups?.(groups);
    },
  };
}

function nearest(path: string): { readonly uid: number; readonly gid: number } {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ?? nearest(dirname(path));
}

function closed(dir: string): Disposable {
  const mode = statSync(dir).mode & 0o7777;
  chmodSync(dir, mode & 0o7700);
  return { [Symbol.dispose]: () => chmodSync(dir, mode) };
}
