import { stringify } from 'yaml';
import { documentInput, writeDocument } from '#machines/contract/api/document-form.ts';
import { type FieldError, pointerOfText } from '#machines/contract/api/problem.ts';
import type { Document } from '#machines/contract/documents.ts';
import { readYaml, type Located } from '#services/yaml/read-yaml.ts';

/** Something wrong with what is typed, and where; lines count from 1. */
export type Wrong = { readonly line: number; readonly text: string };

export type ReadText =
  | { readonly kind: 'document'; readonly document: Document; readonly at: Located<unknown>['at'] }
  | { readonly kind: 'wrong'; readonly wrong: readonly Wrong[] };

/** As it is written in a file, and as `ingot edit` shows it. */
export const textOf = (document: Document): string => stringify(writeDocument(document), { lineWidth: 120 });

/** What is typed is read as the daemon reads it, by the same schemas: most that is wrong shows before it is sent. */
export function readText(text: string, want: { readonly kind: Document['kind']; readonly name?: string }): ReadText {
  const read = readYaml({ file: '', text }, documentInput);
  if (!read.ok) return { kind: 'wrong', wrong: read.issues.map(({ line, text: issue }) => ({ line, text: issue })) };
  const [one, ...others] = read.documents;
  if (!one || others.length > 0) return { kind: 'wrong', wrong: [{ line: 1, text: 'want exactly one document' }] };
  const { value: document, at } = one;
  if (document.kind !== want.kind) {
    return {
      kind: 'wrong',
      wrong: [{ line: at(['kind']).line, text: `kind: got ${document.kind}, want ${want.kind}` }],
    };
  }
  if (want.name !== undefined && document.name !== want.name) {
    const text = `name: want ${want.name}: a document is not renamed, but written anew`;
    return { kind: 'wrong', wrong: [{ line: at(['name']).line, text }] };
  }
  return { kind: 'document', document, at };
}

/** What the daemon found wrong, at the lines that it is about. Its pointers are into what was sent. */
export function wrongOf(errors: readonly FieldError[], at: Located<unknown>['at']): readonly Wrong[] {
  return errors.map(({ path, pointer, text }) => ({
    line: at(withoutList(stepsOf(pointer ?? pointerOfText(path)))).line,
    text: path === '' || text.startsWith(path) ? text : `${path.replace(/^documents\[0\]\.?/, '')}: ${text}`,
  }));
}

/** `apply` takes several: what it finds wrong is in the first of them. */
const withoutList = (steps: readonly (string | number)[]): readonly (string | number)[] =>
  steps[0] === 'documents' ? steps.slice(2) : steps;

/** `#/macs/1` as steps into the document (RFC 6901 §4). */
export function stepsOf(pointer: string): readonly (string | number)[] {
  return pointer
    .replace(/^#/, '')
    .split('/')
    .slice(1)
    .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}
