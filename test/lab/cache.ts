import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UnpackedPackage } from './packages.ts';

/** What tests keep between runs: unpacked packages and built guests. It may be deleted at any time. */
export const CACHE = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '.cache');

export function unpackedFolder(name: UnpackedPackage): string {
  return join(CACHE, 'unpacked', name.replaceAll(/[:/]/g, '-'));
}

/** The path of something inside an unpacked package, or undefined when it is not there. */
export function findUnpacked(name: UnpackedPackage, path: string): string | undefined {
  const full = join(unpackedFolder(name), path);
  if (!full.endsWith('*')) return existsSync(full) ? full : undefined;
  const folder = dirname(full);
  const prefix = full.slice(folder.length + 1, -1);
  const found = existsSync(folder) ? readdirSync(folder).find((entry) => entry.startsWith(prefix)) : undefined;
  return found === undefined ? undefined : join(folder, found);
}
