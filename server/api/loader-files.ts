import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LOADER_NAMES } from '#machines/decide/loader.ts';
import { nearest } from '#services/yaml/known-keys.ts';

export type SavedLoader =
  | { readonly kind: 'saved'; readonly path: string; readonly sha256: string }
  | { readonly kind: 'wrong'; readonly path: 'name' | 'sha256'; readonly text: string }
  | { readonly kind: 'unwritable'; readonly because: string };

/** Puts a first-stage boot file where the catalog finds it, whole or not at all. Only names of the table are taken. */
export async function saveLoader({
  dir,
  name,
  sha256,
  bytes,
}: {
  readonly dir: string;
  readonly name: string;
  readonly sha256?: string | undefined;
  readonly bytes: Uint8Array;
}): Promise<SavedLoader> {
  if (!LOADER_NAMES.includes(name)) {
    const close = nearest(name, LOADER_NAMES);
    return {
      kind: 'wrong',
      path: 'name',
      text: `got ${JSON.stringify(name)}, want ${close ? `one that is known; did you mean ${close}?` : LOADER_NAMES.join(', ')}`,
    };
  }
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== undefined && sha256 !== digest) {
    return { kind: 'wrong', path: 'sha256', text: `the file has ${digest}, want ${sha256}` };
  }
  const path = join(dir, name);
  const beside = `${path}.new`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(beside, 'w', 0o644);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {});
    return { kind: 'unwritable', because: error instanceof Error ? error.message : String(error) };
  }
  return { kind: 'saved', path, sha256: digest };
}
