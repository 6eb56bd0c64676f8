import { z } from 'zod';
import {
  configText,
  documentId,
  type TalosDocument,
  type Tree,
  type TreeMap,
  type TreePath,
  valueAt,
} from '#machines/os/talos/documents.ts';
import { patched } from '#machines/os/talos/patch.ts';
import { type ConfigIssue, type ConfigUse, validateConfig } from '#machines/os/talos/validate.ts';
import { dotted, type Located, readYaml, type YamlIssue } from '#services/yaml/read-yaml.ts';

/** One patch: of a class, a profile, a machine. */
export type PatchLayer = { readonly file: string; readonly documents: readonly Located<TalosDocument>[] };

export type ReadLayer =
  | { readonly ok: true; readonly layer: PatchLayer }
  | { readonly ok: false; readonly issues: readonly YamlIssue[] };

const anything: z.ZodType<Tree> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(anything), z.record(z.string(), anything)]),
);
const documentSchema: z.ZodType<TreeMap> = z.record(z.string(), anything);

/** Reads the documents of a strategic merge patch. JSON patches, which are lists, are none. */
export function readPatch(source: { readonly file: string; readonly text: string }): ReadLayer {
  const read = readYaml(source, documentSchema);
  if (!read.ok) return read;
  const documents = read.documents.filter(({ value }) => Object.keys(value).length > 0);
  const issues = documents.flatMap(({ value, at }): readonly YamlIssue[] => {
    const hasBoth = (value['apiVersion'] === undefined) === (value['kind'] === undefined);
    return hasBoth ? [] : [{ file: source.file, ...at([]), text: 'got one of apiVersion and kind, want both or none' }];
  });
  return issues.length > 0 ? { ok: false, issues } : { ok: true, layer: { file: source.file, documents } };
}

export type Layered =
  | { readonly ok: true; readonly documents: readonly TalosDocument[]; readonly text: string }
  /** Each printable by `formatYamlIssue`; `file` is `generated` for what no patch said. */
  | { readonly ok: false; readonly issues: readonly YamlIssue[] };

/**
 * The configuration with patches upon it, the later ones over the earlier, and what is wrong with the result. What a
 * patch brought is told by its file, line and column.
 */
export function layered(base: readonly TalosDocument[], layers: readonly PatchLayer[], use: ConfigUse): Layered {
  let documents = base;
  for (const { file, documents: patch } of layers) {
    const result = patched(
      documents,
      patch.map(({ value }) => value),
    );
    if (!result.ok) {
      const issues = result.issues.map(({ document, path, text }) => ({
        file,
        ...(patch[document]?.at(path) ?? { line: 1, column: 1 }),
        text: said(path, text),
      }));
      return { ok: false, issues };
    }
    documents = result.documents;
  }
  const issues = validateConfig(documents, use);
  if (issues.length > 0) return { ok: false, issues: issues.map((issue) => placed(issue, layers)) };
  return { ok: true, documents, text: configText(documents) };
}

const said = (path: TreePath, text: string): string => (path.length === 0 ? text : `${dotted(path)}: ${text}`);

/** The patch that said it last: the deepest part of the path that any patch has, and of those the latest. */
function placed({ document, path, text }: ConfigIssue, layers: readonly PatchLayer[]): YamlIssue {
  const shown = `${document}: ${said(path, text)}`;
  for (let length = path.length; length >= 0; length--) {
    const prefix = path.slice(0, length);
    for (const { file, documents } of layers.toReversed()) {
      const found = documents.findLast(
        ({ value }) => documentId(value) === document && valueAt(value, prefix) !== undefined,
      );
      // A whole document is the place only of what is wrong with the document as a whole.
      if (found && (length > 0 || path.length === 0)) return { file, ...found.at(prefix), text: shown };
    }
  }
  return { file: 'generated', line: 1, column: 1, text: shown };
}
