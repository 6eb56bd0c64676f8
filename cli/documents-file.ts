import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { fileDocument } from '#machines/contract/api/file-form.ts';
import type { Document } from '#machines/contract/documents.ts';
import { formatYamlIssue, type Located, readYaml, type YamlPath } from '#services/yaml/read-yaml.ts';
import type { ReadCredential } from './credential-files.ts';
import { badInput } from './failure.ts';
import type { Terminal } from './terminal.ts';
import { codeOf } from './where.ts';

const ENDINGS = ['.yaml', '.yml', '.json'];

/** A document and where it stands, so that what the daemon finds wrong can be told by file, line and column. */
export type ReadDocument = {
  readonly document: Document;
  readonly place: (path: string) => string;
};

/** All that files, folders with all below them, and standard input (`-`) say. Anything wrong is a failure. */
export async function readDocuments(
  paths: readonly string[],
  term: Pick<Terminal, 'cwd' | 'readInput'>,
): Promise<{ readonly documents: readonly ReadDocument[]; readonly credentials: readonly ReadCredential[] }> {
  const sources = (await Promise.all(paths.map((path) => sourcesOf(path, term)))).flat();
  const issues: string[] = [];
  const documents: ReadDocument[] = [];
  const credentials: ReadCredential[] = [];
  for (const { file, text, dir } of sources) {
    const read = readYaml({ file, text: flattened(text) }, fileDocument);
    if (!read.ok) {
      issues.push(...read.issues.map(formatYamlIssue));
      continue;
    }
    for (const one of read.documents) {
      const place = placeIn(file, one);
      if (one.value.kind === 'Credential') credentials.push({ document: one.value, dir, place });
      else documents.push({ document: withPaths(one.value, dir), place });
    }
  }
  if (issues.length > 0) throw badInput(...issues);
  if (documents.length + credentials.length === 0) {
    throw badInput(`${paths.join(', ')}: got no documents, want at least one`);
  }
  return { documents, credentials };
}

type Source = { readonly file: string; readonly text: string; readonly dir: string };

async function sourcesOf(path: string, term: Pick<Terminal, 'cwd' | 'readInput'>): Promise<readonly Source[]> {
  if (path === '-') return [{ file: '(standard input)', text: await term.readInput(), dir: term.cwd }];
  const full = resolve(term.cwd, path);
  try {
    if (!(await stat(full)).isDirectory()) {
      return [{ file: path, text: await readFile(full, 'utf8'), dir: dirname(full) }];
    }
    const names = (await readdir(full, { recursive: true }))
      .filter((name) => ENDINGS.includes(extname(name)))
      .toSorted();
    if (names.length === 0) throw badInput(`${path}: got no file that ends in ${ENDINGS.join(', ')}`);
    return await Promise.all(
      names.map(async (name) => ({
        file: join(path, name),
        text: await readFile(join(full, name), 'utf8'),
        dir: dirname(join(full, name)),
      })),
    );
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    throw badInput(`${path}: ${code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`}`);
  }
}

/** What `get -o json` gives for several is one array; as YAML it would be one document that is a list. */
function flattened(text: string): string {
  if (!text.trimStart().startsWith('[')) return text;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.map((one) => JSON.stringify(one)).join('\n---\n') : text;
  } catch {
    return text;
  }
}

/** A path in a file is meant from that file; the daemon has another working directory. */
function withPaths(document: Document, dir: string): Document {
  if (document.kind !== 'Image') return document;
  const assets = document.assets.map((asset) =>
    asset.path === undefined || isAbsolute(asset.path) ? asset : { ...asset, path: resolve(dir, asset.path) },
  );
  return { ...document, assets };
}

const placeIn =
  (file: string, { at }: Located<unknown>) =>
  (path: string): string => {
    const { line, column } = at(pathOf(path));
    return `${file}:${line}:${column}`;
  };

/** `disks.keep[1]` as steps into the document. */
export function pathOf(text: string): YamlPath {
  return [...text.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, key, index]) =>
    index === undefined ? (key ?? '') : Number(index),
  );
}
