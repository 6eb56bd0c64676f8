import { z } from 'zod';
import { DATABASE_FILE } from '#services/store/sqlite/open-sqlite-store.ts';
import { SEAL_KEY_FILE } from '#services/vault/key-file.ts';

/** The first file of a backup. */
export const MANIFEST = 'manifest.json';
/** The configuration of the daemon; restored beside the data, for a person to put in place. */
export const CONFIGURATION = 'configuration/ingot.yaml';
/** What is the daemon's own in the data directory. */
export const DATA = 'data/';
/** What somebody else has laid into the data directory; restored beside, for a person to put in place. */
export const OTHER = 'other/';

/** Large, and had again from where they came. */
export const IMAGE_FOLDERS: ReadonlySet<string> = new Set(['images', 'loaders', 'oci', 'agent']);
const DATA_FILES: ReadonlySet<string> = new Set([DATABASE_FILE, SEAL_KEY_FILE]);

/**
 * Does a backup have such a file? Nothing else is taken out of one: whoever knows the public key that backups are made
 * for can make one, and a token, a note or a database's log that came with it would be taken for the daemon's own.
 */
export function isMember(path: string): boolean {
  if (path === MANIFEST || path === CONFIGURATION) return true;
  if (path.startsWith(OTHER)) return path.length > OTHER.length;
  if (!path.startsWith(DATA)) return false;
  const [top = '', ...below] = path.slice(DATA.length).split('/');
  return below.length === 0 ? DATA_FILES.has(top) : IMAGE_FOLDERS.has(top);
}

export const manifest = z.object({
  format: z.literal(1),
  version: z.string().max(64),
  madeAt: z.iso.datetime(),
  site: z.string().max(255),
  host: z.string().max(255),
  /** `sqlite`: the database is in the backup. `postgres`: it is not, and has a backup of its own. */
  store: z.enum(['sqlite', 'postgres']),
  /** Images, loaders, OCI layouts and the agent's image are in it, as far as they lay in the data directory. */
  images: z.boolean(),
});

export type Manifest = z.output<typeof manifest>;
