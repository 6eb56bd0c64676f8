import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from './host.ts';

/** A file of the machine as text; undefined where it is not there or not to be read. */
export async function readText(host: Pick<Host, 'root'>, path: string): Promise<string | undefined> {
  try {
    return await readFile(join(host.root, path), 'utf8');
  } catch {
    return undefined;
  }
}
