import { z } from 'zod';

/** The first file of a backup. */
export const MANIFEST = 'manifest.json';
/** The configuration of the daemon; restored beside the data, for a person to put in place. */
export const CONFIGURATION = 'configuration/ingot.yaml';
/** Whatever is restored into the data directory. */
export const DATA = 'data/';

export const manifest = z.object({
  format: z.literal(1),
  version: z.string().max(64),
  madeAt: z.iso.datetime(),
  site: z.string().max(255),
  host: z.string().max(255),
  /** `sqlite`: the database is in the backup. `postgres`: it is not, and has a backup of its own. */
  store: z.enum(['sqlite', 'postgres']),
  /** Images, loaders, OCI layouts and the agent's image are in it. */
  images: z.boolean(),
});

export type Manifest = z.output<typeof manifest>;
