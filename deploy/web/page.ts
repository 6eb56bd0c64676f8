import { readdir, stat, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const BUILT = join(ROOT, 'web/dist/index.html');

/** What the page is made of: its own folder, and what it shares with the daemon. */
const SOURCES = ['web', 'machines/contract', 'machines/decide', 'machines/values', 'package.json'];
const NO_SOURCE = new Set(['dist', 'node_modules']);

/** Is a source newer than the page that was built, or is there none? */
export async function isPageOlder(): Promise<boolean> {
  const built = await modifiedAt(BUILT);
  if (built === undefined) return true;
  for (const source of SOURCES) if (await hasNewer(join(ROOT, source), built)) return true;
  return false;
}

/** Writes web/dist anew. What is not installed, as behind `npm install --omit=dev`, is said by the failed import. */
export async function buildPage(): Promise<void> {
  const started = new Date();
  const { build } = await import('vite');
  await build({ configFile: join(ROOT, 'web/vite.config.ts'), logLevel: 'warn' });
  // What was written while it was being built is newer than it.
  await utimes(BUILT, started, started);
}

async function hasNewer(path: string, than: number): Promise<boolean> {
  const found = await stat(path);
  if (found.mtimeMs > than && !found.isDirectory()) return true;
  if (!found.isDirectory()) return false;
  // A folder is newer, too, when a file of it went.
  if (found.mtimeMs > than && path !== join(ROOT, 'web')) return true;
  for (const entry of await readdir(path)) {
    if (!NO_SOURCE.has(entry) && (await hasNewer(join(path, entry), than))) return true;
  }
  return false;
}

async function modifiedAt(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
