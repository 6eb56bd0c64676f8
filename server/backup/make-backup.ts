import { lstatSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, posix } from 'node:path';
import Database from 'better-sqlite3';
import { type ArchiveSource, writeArchive } from '#services/backup/archive.ts';
import { encryptAge } from '#services/backup/age.ts';
import type { AgeRecipient } from '#services/backup/age-keys.ts';
import { CONFIGURATION, DATA, IMAGE_FOLDERS, MANIFEST, type Manifest, OTHER } from '#services/backup/manifest.ts';
import type { Random } from '#services/auth/secret.ts';
import { DATABASE_FILE } from '#services/store/sqlite/open-sqlite-store.ts';
import { SEAL_KEY_FILE } from '#services/vault/key-file.ts';
import type { Config } from '../config/config.ts';

/** Whatever belongs to the running daemon alone, or is made anew: a token that is in no backup is stolen from none. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  DATABASE_FILE,
  `${DATABASE_FILE}-wal`,
  `${DATABASE_FILE}-shm`,
  SEAL_KEY_FILE,
  'ingot.lock',
  'ingot.lock-journal',
  'ingot.pid',
  'operator.token',
  'restored.json',
  'api.pin',
  'demo',
  'lost+found',
]);
export type BackupSummary = { readonly files: number; readonly bytes: number };

/**
 * A backup as one age file with a tar in it: the manifest first, the configuration, the database as it is in one moment,
 * the key that its secrets are sealed under, and whatever else lies in the data directory. The daemon may run: SQLite
 * copies one snapshot, which no writer disturbs and which disturbs none.
 */
export async function* makeBackup(parts: {
  readonly config: Pick<Config, 'dataDir' | 'file' | 'site' | 'store'>;
  /** The key itself, wherever the daemon has it from. */
  readonly sealKey: Uint8Array;
  readonly images: boolean;
  readonly recipients: readonly AgeRecipient[];
  readonly version: string;
  readonly now: () => number;
  readonly random: Random;
}): AsyncGenerator<Uint8Array> {
  const { config, sealKey, images, recipients, random } = parts;
  const { dataDir } = config;
  const now = parts.now();
  const modifiedAt = Math.floor(now / 1000);
  // Beside the database: who may read the one may read the other.
  const work = await mkdtemp(join(dataDir, '.backup-'));
  try {
    const manifest: Manifest = {
      format: 1,
      version: parts.version,
      madeAt: new Date(now).toISOString(),
      site: config.site,
      host: hostname(),
      store: config.store.kind,
      images,
    };
    const text = (value: string): Uint8Array => new TextEncoder().encode(value);
    async function* entries(): AsyncGenerator<ArchiveSource> {
      yield { path: MANIFEST, modifiedAt, content: text(`${JSON.stringify(manifest, undefined, 2)}\n`) };
      if (config.file !== undefined) yield { path: CONFIGURATION, modifiedAt, content: readFileSync(config.file) };
      yield { path: `${DATA}${SEAL_KEY_FILE}`, modifiedAt, content: sealKey };
      if (config.store.kind === 'sqlite') {
        const copy = join(work, DATABASE_FILE);
        snapshot(join(dataDir, DATABASE_FILE), copy);
        yield { path: `${DATA}${DATABASE_FILE}`, modifiedAt, file: copy, size: lstatSync(copy).size };
      }
      yield* filesBelow(
        dataDir,
        (name) => !LEFT_OUT.has(name) && !name.startsWith('.') && (images || !IMAGE_FOLDERS.has(name)),
      );
    }
    yield* encryptAge(writeArchive(entries()), { recipients, random });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** One read transaction, so that it is one moment; and what was deleted is not in the copy. */
function snapshot(file: string, copy: string): void {
  const db = new Database(file, { readonly: true, timeout: 5000 });
  try {
    db.prepare('VACUUM INTO ?').run(copy);
  } finally {
    db.close();
  }
}

/** Regular files, in the order of their names. What goes away meanwhile was not needed. */
async function* filesBelow(root: string, wanted: (top: string) => boolean, below = ''): AsyncGenerator<ArchiveSource> {
  const found = await readdir(join(root, below), { withFileTypes: true });
  for (const entry of found.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = posix.join(below, entry.name);
    if (below === '' && !wanted(entry.name)) continue;
    if (entry.isDirectory()) yield* filesBelow(root, wanted, path);
    if (!entry.isFile()) continue;
    const stat = lstatSync(join(root, path), { throwIfNoEntry: false });
    if (!stat?.isFile()) continue;
    const modifiedAt = Math.floor(stat.mtimeMs / 1000);
    const [top = '', inside] = path.split('/');
    const prefix = inside !== undefined && IMAGE_FOLDERS.has(top) ? DATA : OTHER;
    yield { path: `${prefix}${path}`, modifiedAt, file: join(root, path), size: stat.size };
  }
}
