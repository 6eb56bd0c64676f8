import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Result } from './result.ts';

export const REPORTER = fileURLToPath(new URL('reporter.ts', import.meta.url));

/** A line of the reporter. */
export type FileResult = {
  readonly result: Result;
  /** Where the test stands. */
  readonly file: string | undefined;
  readonly durationMs: number;
};

/** What the reporter wrote into a file. A killed process may leave half a line behind. */
export async function readResults(path: string): Promise<readonly FileResult[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as FileResult);
}
