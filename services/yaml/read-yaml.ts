import {
  isMap,
  isNode,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  isScalar,
  type Document as YamlDocument,
} from 'yaml';
import type { z } from 'zod';
import { issueText } from './issue-text.ts';
import { knownKeys, nearest } from './known-keys.ts';

/** One thing wrong in a file, printed as `FILE:LINE:COL: text`. Lines and columns count from 1. */
export type YamlIssue = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
};

export type YamlPath = readonly PropertyKey[];

/** A value read from YAML, and where each part of it stands. */
export type Located<T> = {
  readonly value: T;
  readonly at: (path: YamlPath) => { readonly line: number; readonly column: number };
};

export type YamlResult<T> =
  | { readonly ok: true; readonly documents: readonly Located<T>[] }
  | { readonly ok: false; readonly issues: readonly YamlIssue[] };

/** A config of a few hundred lines is large; this keeps a hostile or mistaken file from filling memory. */
const MAX_BYTES = 16 * 1024 * 1024;

export const formatYamlIssue = ({ file, line, column, text }: YamlIssue): string =>
  `${file}:${line}:${column}: ${text}`;

/**
 * Reads all documents of a YAML text and validates each. Every issue has the place of the value it is about; an unknown
 * key names the nearest known one.
 */
export function readYaml<S extends z.ZodType>(
  source: { file: string; text: string },
  schema: S,
): YamlResult<z.output<S>> {
  const { file, text } = source;
  if (text.length > MAX_BYTES) {
    return {
      ok: false,
      issues: [{ file, line: 1, column: 1, text: `got ${text.length} characters, want at most ${MAX_BYTES}` }],
    };
  }
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const documents = Array.isArray(parsed) ? parsed : [];
  const issues: YamlIssue[] = [];
  const values: Located<z.output<S>>[] = [];
  const place = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  for (const document of documents) {
    if (document.errors.length > 0) {
      issues.push(...document.errors.map((error) => ({ file, ...place(error.pos[0]), text: error.message })));
      continue;
    }
    if (document.contents === null && documents.length > 1) continue;
    let raw: unknown;
    try {
      raw = withoutEmptyKeys(document.toJS({ maxAliasCount: 100 }));
    } catch (error) {
      // Aliases of aliases that would come to more than any memory; or thousands of lists in one another.
      const text = error instanceof Error ? error.message : String(error);
      issues.push({ file, ...place(document.range?.[0] ?? 0), text });
      continue;
    }
    const at = (path: YamlPath) => place(offsetOf(document, path));
    const result = schema.safeParse(raw ?? {});
    if (result.success) values.push({ value: result.data, at });
    else issues.push(...result.error.issues.flatMap((issue) => issuesOf(issue, schema, raw, at, file)));
  }
  return issues.length > 0 ? { ok: false, issues } : { ok: true, documents: values };
}

function issuesOf(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  raw: unknown,
  at: Located<unknown>['at'],
  file: string,
): readonly YamlIssue[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path, raw);
    return issue.keys.map((key) => {
      const close = nearest(key, known);
      const hint = close ? `; did you mean ${close}?` : known.length > 0 ? `; known here: ${known.join(', ')}` : '';
      return { file, ...at([...issue.path, key]), text: `${dotted([...issue.path, key])}: unknown key${hint}` };
    });
  }
  const path = dotted(issue.path);
  const text = issueText(issue, valueAt(raw, issue.path));
  return [{ file, ...at(issue.path), text: path === '' ? text : `${path}: ${text}` }];
}

/** `syslog:` with everything below it commented out says nothing about syslog. */
function withoutEmptyKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmptyKeys);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutEmptyKeys(inner)]));
}

function valueAt(raw: unknown, path: YamlPath): unknown {
  return path.reduce<unknown>(
    (value, part) => (typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined),
    raw,
  );
}

/** `subnets[0].pools[1]` */
export function dotted(path: YamlPath): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
}

/** Where a path stands: its key for an entry of a map, its value for an item of a list, else the nearest parent. */
function offsetOf(document: YamlDocument, path: YamlPath): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1];
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && key.value === last) as Pair<Node> | undefined;
      if (pair?.key.range) return pair.key.range[0];
    }
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? document.range?.[0] ?? 0;
}
