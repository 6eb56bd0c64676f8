import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PID_FILE } from '#services/store/sqlite/directory-lock.ts';

/** The process that noted itself in the data directory; it may have ended since. */
export async function notedDaemon(dataDir: string): Promise<number | undefined> {
  const text = await readFile(join(dataDir, PID_FILE), 'utf8').catch(() => '');
  return /^\d+\s*$/.test(text) ? Number(text) : undefined;
}
