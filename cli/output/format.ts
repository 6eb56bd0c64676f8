import { stringify } from 'yaml';
import { badInput } from '../failure.ts';
import { say, type Terminal } from '../terminal.ts';

export const FORMATS = ['table', 'yaml', 'json'] as const;
export type Format = (typeof FORMATS)[number];

export function parseFormat(text: string): Format {
  const found = FORMATS.find((one) => one === text);
  if (found) return found;
  throw badInput(`-o: got ${text}, want ${FORMATS.join(' | ')}`);
}

/** One document, or an array of them: what scripts read. YAML as a stream of documents, so that `apply -f -` reads it. */
export function printDocuments(term: Terminal, format: 'yaml' | 'json', value: unknown): void {
  if (format === 'json') return say(term, JSON.stringify(value, undefined, 2));
  const documents = Array.isArray(value) ? value : [value];
  say(term, documents.map((one) => stringify(one, { lineWidth: 120 }).trimEnd()).join('\n---\n'));
}

/** How long ago, for a table. */
export function ago(at: number | undefined, now: number): string {
  if (at === undefined) return '';
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
