import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

const LOOK_EVERY_MS = 50;

/**
 * Looks again and again until `look` finds something, and returns that.
 *
 * Throws when the limit (ms) is over, saying what was waited for; `look` may throw to give up earlier.
 */
export async function waitFor<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs: number,
): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited ${limitMs / 1000} s for ${what}`);
    await setTimeout(LOOK_EVERY_MS);
  }
}

/** Reads a log that may not exist yet. Serial consoles end lines with CR LF; other control bytes stay. */
export function readLog(path: string): string {
  try {
    return readFileSync(path, 'utf8').replaceAll('\r', '');
  } catch {
    return '';
  }
}
