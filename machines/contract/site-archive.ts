import { z } from 'zod';
import { documentInput } from './api/document-form.ts';
import { agentFile } from './api/image-resource.ts';
import { sha256 } from './documents.ts';

/** The first entry of an archive: what is in it, and what its files are for. */
export const SITE_MANIFEST = 'ingot-site.json';
/** Documents and digests are text; more than this is none of ours. */
export const MAX_MANIFEST_BYTES = 64 << 20;

/** Where the bytes of a digest stand in an archive. */
export const archivedFile = (digest: string): string => `files/${digest}`;

/**
 * What a site needs, in one file: a tar whose first entry is this manifest, then each file once, in the order of digests.
 * The same content gives the same bytes.
 */
export const siteManifest = z.strictObject({
  format: z.literal(1),
  /** Images name their files by digest; profiles and classes stand as they are. */
  documents: z.array(documentInput).max(20_000),
  files: z
    .array(
      z.strictObject({
        sha256,
        bytes: z.int().min(1),
        /** Where it came from, and what was proven of it then. */
        from: z.string().max(4096),
        checked: z.array(z.string().max(4096)).max(32),
      }),
    )
    .max(4096),
  /** First-stage boot files, by the names under which they are served. */
  loaders: z.array(z.strictObject({ name: z.string().max(255), sha256, bytes: z.int().min(1) })).max(64),
  /** The agent’s image; archives of before it was in them have none. */
  agent: z.array(agentFile).max(3).default([]),
});
export type SiteManifest = z.output<typeof siteManifest>;
