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
