import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EXIT } from '#machines/contract/exit-status.ts';
import { writeDocument } from '#machines/contract/api/document-form.ts';
import type { ImageDocument } from '#machines/contract/documents.ts';
import {
  archivedFile,
  MAX_MANIFEST_BYTES,
  SITE_MANIFEST,
  type SiteManifest,
  siteManifest,
} from '#machines/contract/site-archive.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import { diskSize } from '#machines/values/size.ts';
import { decodeTarHeader, encodeTarHeader, TAR_BLOCK, tarPadding } from '#services/images/wire/tar.ts';
import type { Daemon } from '../daemon.ts';
import { badInput, CommandFailure } from '../failure.ts';
import { progressBar, type ProgressBar } from '../output/progress.ts';
import { note, say, type Terminal } from '../terminal.ts';
import { openFile, sourceOf, upload } from '../upload.ts';

type Read = AsyncIterable<Uint8Array>;
/** A file that goes into an archive, and how its bytes are had. */
type Part = SiteManifest['files'][number] & { readonly open: () => Promise<Read> };

/** Puts images, what boots them and what they consist of into one file. Without names: all of the site. */
export async function exportImages(
  term: Terminal,
  daemon: Daemon,
  file: string,
  names: readonly string[],
): Promise<void> {
  using bar = progressBar(term);
  const all = (await daemon.ask('listImages')).value.items;
  const missing = names.find((name) => !all.some((one) => one.name === name));
  if (missing !== undefined) throw new CommandFailure(EXIT.notFound, `there is no image ${escaped(missing)}`);
  const wanted = all.filter(({ name }) => names.length === 0 || names.includes(name));
  const parts = new Map<string, Part>();
  const images: ImageDocument[] = [];
  for (const { status: _status, ...image } of wanted)
    images.push(await archived(daemon, image, parts, bar, term.signal));
  const profiles = (await daemon.ask('listProfiles')).value.items.filter(
    ({ image }) => names.length === 0 || (image !== undefined && names.includes(image)),
  );
  const classes = names.length === 0 ? (await daemon.ask('listClasses')).value.items : [];
  const loaders = names.length === 0 ? await archivedLoaders(daemon, parts) : [];
  const agent = names.length === 0 ? await archivedAgent(daemon, parts, term.signal) : [];
  const sorted = [...parts.values()].toSorted((one, other) => (one.sha256 < other.sha256 ? -1 : 1));
  const manifest: SiteManifest = {
    format: 1,
    documents: [...images, ...profiles, ...classes].map((one) => {
      const { status: _status, ...rest } = one as typeof one & { status?: unknown };
      return rest;
    }),
    files: sorted.map(({ sha256, bytes, from, checked }) => ({ sha256, bytes, from, checked })),
    loaders: [...loaders],
    agent: [...agent],
  };
  const size = await writeArchive(resolve(term.cwd, file), manifest, sorted, bar);
  bar[Symbol.dispose]();
  say(term, `${escaped(file)}: ${diskSize(size)}, ${images.length} images, ${sorted.length} files, digests inside`);
  for (const { name, pulls = [] } of images) {
    for (const { what, from } of pulls) say(term, `  not in it: ${escaped(`${what} of ${name}, from ${from}`)}`);
  }
}

/** The image as another site can have it: each file by its digest alone. */
async function archived(
  daemon: Daemon,
  image: ImageDocument,
  parts: Map<string, Part>,
  bar: ProgressBar,
  signal: AbortSignal,
): Promise<ImageDocument> {
  const { value: state } = await daemon.ask('getImageState', { params: { name: image.name } });
  const assets: ImageDocument['assets'] = [];
  for (const [index, { role, sha512 }] of image.assets.entries()) {
    bar.show(`reading ${image.name}`, index / image.assets.length);
    const params = { name: image.name, index: String(index) };
    const { value: is } = await daemon.ask('verifyImageFile', { params });
    const { sha256, bytes } = is;
    if (is.kind !== 'right' || sha256 === undefined || bytes === undefined) {
      throw new CommandFailure(EXIT.failed, `${image.name}: its ${role} is ${is.kind}: ${escaped(is.text)}`);
    }
    const { where = '', checked = [] } = state.files[index] ?? {};
    parts.set(sha256, {
      sha256,
      bytes,
      from: where,
      checked,
      open: async () => (await daemon.open('getImageFile', { params }, signal)).body,
    });
    assets.push({ role, sha256, ...(sha512 === undefined ? {} : { sha512 }) });
  }
  return { ...image, assets };
}

async function archivedLoaders(daemon: Daemon, parts: Map<string, Part>): Promise<SiteManifest['loaders']> {
  const loaders: SiteManifest['loaders'] = [];
  for (const { name, present } of (await daemon.ask('listLoaders')).value.items) {
    if (!present) continue;
    const { value: bytes } = await daemon.ask('getLoaderFile', { query: { name } });
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    loaders.push({ name, sha256, bytes: bytes.length });
    const open = async (): Promise<Read> => onePiece(bytes);
    if (!parts.has(sha256))
      parts.set(sha256, { sha256, bytes: bytes.length, from: `loader ${name}`, checked: [], open });
  }
  return loaders;
}

/** Built from packages of Debian: a site without a way to them has it from here. */
async function archivedAgent(
  daemon: Daemon,
  parts: Map<string, Part>,
  signal: AbortSignal,
): Promise<SiteManifest['agent']> {
  const { files } = (await daemon.ask('getAgentImage', {})).value;
  for (const { name, sha256, bytes } of files) {
    const open = async (): Promise<Read> => (await daemon.open('getAgentImageFile', { params: { name } }, signal)).body;
    if (!parts.has(sha256)) parts.set(sha256, { sha256, bytes, from: `agent ${name}`, checked: [], open });
  }
  return files;
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Whole or not at all. Gives its size. */
async function writeArchive(
  path: string,
  manifest: SiteManifest,
  parts: readonly Part[],
  bar: ProgressBar,
): Promise<number> {
  const beside = `${path}.part`;
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const documents = manifest.documents.map(writeDocument);
  const text = Buffer.from(`${JSON.stringify({ ...manifest, documents }, undefined, 2)}\n`);
  try {
    const file = await open(beside, 'wx', 0o644);
    try {
      let done = 0;
      const entry = async (name: string, size: number, pieces: Read): Promise<void> => {
        await file.appendFile(encodeTarHeader({ name, size }));
        for await (const piece of pieces) {
          await file.appendFile(piece);
          done += piece.length;
          bar.show('writing', Math.min(1, done / Math.max(1, total)));
        }
        await file.appendFile(new Uint8Array(tarPadding(size)));
      };
      await entry(SITE_MANIFEST, text.length, onePiece(text));
      for (const part of parts) await entry(archivedFile(part.sha256), part.bytes, proven(part));
      await file.appendFile(new Uint8Array(2 * TAR_BLOCK));
      await file.sync();
      const { size } = await file.stat();
      await rename(beside, path);
      return size;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      throw badInput(`${beside} is there already: another export is running, or was cut off; remove it`);
    }
    await rm(beside, { force: true });
    throw error;
  }
}

/** What comes is what was announced, to the byte. */
async function* proven({ sha256, bytes, from, open: begin }: Part): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let got = 0;
  for await (const piece of await begin()) {
    hash.update(piece);
    got += piece.length;
    yield piece;
  }
  if (got === bytes && hash.digest('hex') === sha256) return;
  throw new CommandFailure(EXIT.failed, `${escaped(from)} changed while it was exported: try again`);
}

export type ImportOptions = { readonly dryRun?: boolean };

/** Takes what `image export` wrote: files first, each proven by its digest, then the documents that name them. */
export async function importImages(
  term: Terminal,
  daemon: Daemon,
  path: string,
  { dryRun = false }: ImportOptions,
): Promise<number> {
  await using file = await openFile(path, term.cwd);
  using bar = progressBar(term);
  const { manifest, offsets } = await readArchive(file, path);
  const whole = await sourceOf(file);
  let sent = 0;
  for (const { sha256, bytes } of dryRun ? [] : manifest.files) {
    const at = offsets.get(archivedFile(sha256)) ?? 0;
    const source = {
      bytes,
      read: (into: Uint8Array, offset: number) => whole.read(into.subarray(0, bytes - offset), at + offset),
    };
    sent += (await upload(daemon, { source, sha256, name: path, bar, signal: term.signal })).sent;
  }
  bar[Symbol.dispose]();
  for (const { name, sha256, bytes } of dryRun ? [] : manifest.loaders) {
    const body = Buffer.alloc(bytes);
    await whole.read(body, offsets.get(archivedFile(sha256)) ?? 0);
    const added = await daemon.attempt('addLoader', { query: { name, sha256 }, body });
    if ('problem' in added)
      note(term, `loader ${escaped(name)}: ${escaped(added.problem.detail ?? added.problem.title)}`);
  }
  if (!dryRun && manifest.agent.length > 0) {
    const files = manifest.agent.map(({ name, sha256 }) => ({ name, sha256 }));
    const added = await daemon.attempt('addAgentImage', { body: { files } });
    if ('problem' in added) note(term, `the agent’s image: ${escaped(added.problem.detail ?? added.problem.title)}`);
  }
  const documents = manifest.documents.map(writeDocument);
  const { value } = await daemon.ask('apply', { body: { documents, dryRun } });
  for (const { kind, name, change, problem } of value.changes) {
    const why = problem === undefined ? '' : `: ${escaped(problem.detail ?? problem.title)}`;
    if (change !== 'unchanged') say(term, `${kind} ${escaped(name)} ${change}${why}`);
  }
  const size = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const how = dryRun ? 'nothing was changed' : `${diskSize(sent)} of ${diskSize(size)} were not there`;
  say(term, `${manifest.files.length} files, ${manifest.documents.length} documents; ${how}`);
  return value.ok ? EXIT.done : EXIT.failed;
}

/** Where each file begins. Judged to its end before anything is sent. */
async function readArchive(
  file: FileHandle,
  path: string,
): Promise<{ readonly manifest: SiteManifest; readonly offsets: ReadonlyMap<string, number> }> {
  const { size: end } = await file.stat();
  const found = new Map<string, { readonly at: number; readonly size: number }>();
  const block = new Uint8Array(TAR_BLOCK);
  let at = 0;
  for (;;) {
    const { bytesRead } = await file.read(block, 0, TAR_BLOCK, at);
    const header = decodeTarHeader(block.subarray(0, bytesRead));
    if (header.kind === 'end') break;
    if (header.kind === 'malformed') throw badInput(`${path}: at byte ${at}: ${header.because}`);
    at += TAR_BLOCK;
    if (at + header.size > end) throw badInput(`${path}: it was cut off: ${header.name} ends behind its end`);
    if (found.size === 0 && header.name !== SITE_MANIFEST)
      throw badInput(`${path}: it begins with no ${SITE_MANIFEST}`);
    if (found.size > 5000) throw badInput(`${path}: more than 5000 files`);
    found.set(header.name, { at, size: header.size });
    at += header.size + tarPadding(header.size);
  }
  const manifest = await readManifest(file, found.get(SITE_MANIFEST), path);
  for (const { sha256, bytes } of [...manifest.files, ...manifest.loaders, ...manifest.agent]) {
    const entry = found.get(archivedFile(sha256));
    if (entry?.size !== bytes) {
      throw badInput(`${path}: ${archivedFile(sha256)} has ${entry?.size ?? 'no'} bytes, want ${bytes}`);
    }
  }
  return { manifest, offsets: new Map([...found].map(([name, entry]) => [name, entry.at])) };
}

async function readManifest(
  file: FileHandle,
  entry: { readonly at: number; readonly size: number } | undefined,
  path: string,
): Promise<SiteManifest> {
  if (!entry) throw badInput(`${path}: it is empty`);
  if (entry.size > MAX_MANIFEST_BYTES) throw badInput(`${path}: ${SITE_MANIFEST} has ${entry.size} bytes`);
  const text = Buffer.alloc(entry.size);
  await file.read(text, 0, entry.size, entry.at);
  let json: unknown;
  try {
    json = JSON.parse(text.toString('utf8'));
  } catch {
    throw badInput(`${path}: ${SITE_MANIFEST} is no JSON`);
  }
  const read = siteManifest.safeParse(json);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw badInput(`${path}: ${SITE_MANIFEST}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown form'}`);
}
