import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import type { Garbage } from '#machines/contract/api/image-resource.ts';
import type { ImageDocument } from '#machines/contract/documents.ts';
import { type DiskNote, type FoundFile, garbageOf } from './decide/garbage.ts';
import { noteOf, partOf, remoteOf } from './downloads.ts';

const FOLDERS = ['', 'records', 'by-url', 'parts', 'disks'] as const;
const diskNote = z.object({ source: z.string(), file: z.string().optional() });

/** Lists what no image names below `dir`, or removes it. `held`: digests that unfinished jobs send. */
export async function collectGarbage(parts: {
  readonly dir: string;
  readonly images: readonly ImageDocument[];
  readonly held: ReadonlySet<string>;
  readonly now: number;
  readonly remove: boolean;
}): Promise<Garbage> {
  const { dir, images, held, now, remove } = parts;
  const assets = images.flatMap((image) => image.assets);
  const remotes = assets.flatMap((asset) => (asset.url === undefined ? [] : [remoteOf(asset.url, asset)]));
  const notes = new Set(remotes.map((remote) => `by-url/${noteOf(remote)}`));
  const noted = await Promise.all([...notes].map((note) => readFile(join(dir, note), 'utf8').catch(() => '')));
  // A document may name a file of ours by its path alone.
  const byPath = assets.flatMap(({ path = '' }) => (dirname(path) === dir ? [basename(path)] : []));
  const named = new Set([
    ...assets.flatMap(({ sha256 }) => sha256 ?? []),
    ...noted.map((text) => text.trim()),
    ...byPath,
  ]);
  const sources = new Set([...assets.flatMap(({ path }) => path ?? []), ...[...named].map((name) => join(dir, name))]);
  const items = garbageOf({
    files: await filesBelow(dir),
    named,
    notes,
    parts: new Set(remotes.map((remote) => `parts/${partOf(remote)}`)),
    disks: await diskNotes(dir),
    sources,
    held,
    now,
  });
  if (remove) for (const { file } of items) await rm(join(dir, file), { force: true });
  return { items: [...items], bytes: items.reduce((sum, { bytes }) => sum + bytes, 0), removed: remove };
}

/** How much the folder of images holds, in bytes. */
export const storedBytes = async (dir: string): Promise<number> =>
  (await filesBelow(dir)).reduce((sum, { bytes }) => sum + bytes, 0);

async function filesBelow(dir: string): Promise<readonly FoundFile[]> {
  const files: FoundFile[] = [];
  for (const folder of FOLDERS) {
    for (const entry of await entriesOf(join(dir, folder))) {
      if (!entry.isFile()) continue;
      const file = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const found = await stat(join(dir, file)).catch(() => undefined);
      if (found) files.push({ file, bytes: found.size, modifiedAt: found.mtimeMs });
    }
  }
  return files;
}

async function diskNotes(dir: string): Promise<readonly DiskNote[]> {
  const notes: DiskNote[] = [];
  for (const { name } of await entriesOf(join(dir, 'disks'))) {
    if (!/^[0-9a-f]+\.json$/.test(name)) continue;
    const file = `disks/${name}`;
    const text = await readFile(join(dir, file), 'utf8').catch(() => '');
    const read = diskNote.safeParse(parsed(text));
    if (read.success) notes.push({ file, source: read.data.source, made: read.data.file });
  }
  return notes;
}

const entriesOf = (path: string) => readdir(path, { withFileTypes: true }).catch(() => []);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
