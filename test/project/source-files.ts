import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Made by tools, or by running; see .gitignore. */
const NOT_OURS = new Set(['.git', 'node_modules', '.cache', 'data', 'web/dist']);

/** Every file that belongs to the repository, relative to its root, sorted. */
export function repositoryFiles(folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (NOT_OURS.has(path)) return [];
      return entry.isDirectory() ? repositoryFiles(path) : [path];
    })
    .sort();
}
