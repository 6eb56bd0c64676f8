import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '#machines/contract/exit-status.ts';
import type { CatalogEntry, ImageState } from '#machines/contract/api/image-resource.ts';
import { ASSET_ROLES, type AssetRole, type AssetSignature, type ImageAsset } from '#machines/contract/documents.ts';
import { ARCHITECTURES, type Architecture } from '#machines/values/architecture.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import { diskSize } from '#machines/values/size.ts';
import { checkSignature } from '#services/images/signatures.ts';
import type { Daemon } from '../daemon.ts';
import { badInput, CommandFailure } from '../failure.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { progressBar, type ProgressBar } from '../output/progress.ts';
import { type Column, table } from '../output/table.ts';
import { note, say, type Terminal } from '../terminal.ts';
import { digestsOf, openFile, sourceOf, upload } from '../upload.ts';
import { codeOf } from '../where.ts';

export type AddImageOptions = {
  readonly role?: string;
  readonly arch: string;
  readonly sha256?: string;
  readonly sha512?: string;
  readonly digests?: string;
  readonly digestsSignature?: string;
  readonly signature?: string;
  readonly key?: string;
  readonly inPlace?: boolean;
  readonly wait?: boolean;
  readonly as?: string;
};

const POLL_MS = 500;

/** Makes an image of files and URLs. Files are sent to the daemon; what is at a URL, it fetches itself. */
export async function addImage(
  term: Terminal,
  daemon: Daemon,
  name: string,
  sources: readonly string[],
  options: AddImageOptions,
): Promise<number> {
  const arch = parseArchitecture(options.arch);
  if (sources.length === 0) return await addFromCatalog(term, daemon, name, arch, options);
  const proofs = [options.sha256, options.sha512, options.digests, options.signature];
  if (sources.length > 1 && proofs.some((one) => one !== undefined)) {
    throw badInput('--sha256, --sha512, --digests and --signature are of one file: add an image of several with apply');
  }
  if (options.key === undefined && (options.signature ?? options.digestsSignature) !== undefined) {
    throw badInput('--key: want the public key that the signature must be of');
  }
  using bar = progressBar(term);
  const assets: ImageAsset[] = [];
  for (const source of sources) assets.push(await assetOf(term, daemon, source, options, bar));
  const before = await daemon.attempt('getImage', { params: { name } });
  const { value } = await daemon.ask('putImage', {
    params: { name },
    body: { kind: 'Image', name, arch, labels: 'problem' in before ? {} : before.value.labels, assets },
    expected: 'problem' in before ? 0 : (before.rev ?? 0),
  });
  const how = 'problem' in before ? 'added' : 'replaced';
  say(term, `image ${escaped(value.name)} ${how}: ${assets.map(({ role }) => role).join(', ')}`);
  return options.wait === true ? await waitUntilReady(term, daemon, name, bar) : await sayState(term, daemon, name);
}

/** `debian@12`: says before anything is booted what will still come from the internet. */
async function addFromCatalog(
  term: Terminal,
  daemon: Daemon,
  reference: string,
  arch: Architecture,
  { as, wait }: AddImageOptions,
): Promise<number> {
  if (!reference.includes('@')) {
    throw badInput(`${reference}: want a file or a URL after it, or NAME@VERSION of the catalog (ingot image catalog)`);
  }
  using bar = progressBar(term);
  const { value } = await daemon.ask('addCatalogImage', {
    body: { reference, arch, ...(as === undefined ? {} : { name: as }) },
  });
  const how = value.change === 'created' ? 'added' : value.change === 'changed' ? 'replaced' : 'is there already';
  say(term, `image ${escaped(value.name)} ${how}`, ...value.urls.map((url) => `  from ${escaped(url)}`));
  say(term, `  proven by: ${escaped(value.proof)}`);
  for (const { what, from } of value.pulls) say(term, `  its machines will need: ${escaped(`${what}, from ${from}`)}`);
  if (value.pulls.length === 0) say(term, '  its machines need nothing of the internet');
  if (value.args.length > 0) say(term, `  a profile of it needs args: ${escaped(value.args.join(' '))}`);
  return wait === true ? await waitUntilReady(term, daemon, value.name, bar) : await sayState(term, daemon, value.name);
}

export async function listCatalog(term: Terminal, daemon: Daemon, output: Format): Promise<void> {
  const { value } = await daemon.ask('listImageCatalog');
  if (output !== 'table') return printDocuments(term, output, value.items);
  const columns: readonly Column<CatalogEntry>[] = [
    { title: 'NAME', of: ({ name }) => name },
    { title: 'BOOTS', of: ({ boots }) => boots },
    { title: 'VERSIONS', of: ({ versions }) => versions },
    { title: 'WHAT IT IS', of: ({ title }) => title },
    { title: 'PROVEN BY', of: ({ proof }) => proof },
  ];
  say(term, ...table(term, columns, value.items));
}

async function assetOf(
  term: Terminal,
  daemon: Daemon,
  text: string,
  options: AddImageOptions,
  bar: ProgressBar,
): Promise<ImageAsset> {
  const { role, source } = parseSource(text, options.role);
  const { sha256, sha512 } = options;
  const named = { ...(sha256 === undefined ? {} : { sha256 }), ...(sha512 === undefined ? {} : { sha512 }) };
  if (/^https?:\/\//.test(source)) return { role, url: source, ...named, ...(await proofsOf(term, options)) };
  if (options.digests !== undefined) throw badInput('--digests is for a URL; a file’s digest is given by --sha256');
  if (options.inPlace === true) return { role, path: resolve(term.cwd, source), ...named };
  await using file = await openFile(source, term.cwd);
  const from = await sourceOf(file);
  const is = await digestsOf(from, source, bar);
  for (const kind of ['sha256', 'sha512'] as const) {
    if (named[kind] !== undefined && named[kind] !== is[kind]) {
      throw badInput(`${source}: its ${kind} is ${is[kind]}, want ${named[kind]}`);
    }
  }
  if (options.signature !== undefined) note(term, await proveFile(term, source, options));
  const { sent } = await upload(daemon, { source: from, sha256: is.sha256, name: source, bar, signal: term.signal });
  const how = sent === 0 ? 'was there already' : `sent, ${diskSize(is.bytes)}`;
  bar[Symbol.dispose]();
  note(term, `${escaped(basename(source))}: ${how}, sha256 ${is.sha256}`);
  return { role, ...named, sha256: is.sha256 };
}

/** `kernel=FILE`, or by the name of the file where nothing says what it is. */
export function parseSource(
  text: string,
  given: string | undefined,
): { readonly role: AssetRole; readonly source: string } {
  const match = /^([a-z]+)=(.+)$/.exec(text);
  const asked = match?.[1] ?? given;
  const source = match?.[2] ?? text;
  if (asked === undefined) return { role: roleByName(basename(source)), source };
  const role = ASSET_ROLES.find((one) => one === asked);
  if (role) return { role, source };
  throw badInput(`${match ? text : '--role'}: got ${asked}, want ${ASSET_ROLES.join(' | ')}`);
}

function roleByName(file: string): AssetRole {
  if (/^(vmlinu[xz]|kernel|linux|bzImage)/i.test(file) || file.endsWith('.vmlinuz')) return 'kernel';
  if (/^(initrd|initramfs|modloop)/i.test(file) || /\.cpio(\.\w+)?$/.test(file)) return 'initrd';
  return /\.efi$/i.test(file) ? 'efi' : 'disk';
}

function parseArchitecture(text: string): Architecture {
  const found = ARCHITECTURES.find((one) => one === text);
  if (found) return found;
  throw badInput(`--arch: got ${text}, want ${ARCHITECTURES.join(' | ')}`);
}

async function proofsOf(term: Terminal, options: AddImageOptions): Promise<Pick<ImageAsset, 'digests' | 'signature'>> {
  const { digests, digestsSignature, signature } = options;
  const key = options.key === undefined ? undefined : await readText(options.key, term);
  const signed = (url: string): AssetSignature => ({
    kind: kindOfKey(key ?? ''),
    url,
    ...(key === undefined ? {} : { key }),
  });
  return {
    ...(digests === undefined
      ? {}
      : {
          digests: { url: digests, ...(digestsSignature === undefined ? {} : { signature: signed(digestsSignature) }) },
        }),
    ...(signature === undefined ? {} : { signature: signed(signature) }),
  };
}

/** A file that is here is proven here, before a byte of it is sent. */
async function proveFile(
  term: Terminal,
  source: string,
  { signature = '', key = '' }: AddImageOptions,
): Promise<string> {
  const keyText = await readText(key, term);
  try {
    const by = await checkSignature(
      resolve(term.cwd, source),
      { kind: kindOfKey(keyText), url: signature, key: keyText },
      { fetchSmall: (path) => readFile(resolve(term.cwd, path)), signal: term.signal },
    );
    return `${escaped(basename(source))}: ${escaped(by)}`;
  } catch (error) {
    if (term.signal.aborted || !(error instanceof Error)) throw error;
    throw badInput(`${source}: ${error.message}`);
  }
}

/** Which program made a public key. */
export function kindOfKey(key: string): AssetSignature['kind'] {
  if (key.includes('-----BEGIN PGP')) return 'openpgp';
  return key.includes('-----BEGIN PUBLIC KEY') ? 'cosign' : 'minisign';
}

async function readText(path: string, { cwd }: Terminal): Promise<string> {
  try {
    return await readFile(resolve(cwd, path), 'utf8');
  } catch (error) {
    throw badInput(`--key: ${path} cannot be read (${codeOf(error) ?? String(error)})`);
  }
}

/** Until all its files are here and ready, or one of them cannot be had. */
export async function waitUntilReady(term: Terminal, daemon: Daemon, name: string, bar: ProgressBar): Promise<number> {
  for (;;) {
    const { value } = await daemon.ask('getImageState', { params: { name } });
    if (value.state === 'ready' || value.state === 'missing') {
      bar[Symbol.dispose]();
      return sayEnd(term, value);
    }
    bar.show(`${value.state} ${escaped(name)}`, value.progress ?? 0);
    await sleep(POLL_MS, undefined, { signal: term.signal });
  }
}

function sayEnd(term: Terminal, state: ImageState): number {
  if (state.state === 'missing') throw new CommandFailure(EXIT.failed, escaped(state.because ?? 'it is missing'));
  for (const { role, checked } of state.files) for (const text of checked) say(term, `  ${role}: ${escaped(text)}`);
  say(term, `image ${escaped(state.name)} is ready`);
  return EXIT.done;
}

export async function sayState(term: Terminal, daemon: Daemon, name: string): Promise<number> {
  const { value } = await daemon.ask('getImageState', { params: { name } });
  if (value.state === 'ready') return sayEnd(term, value);
  say(term, `  ${value.state}: ${escaped(value.because ?? '')}`, '  see: ingot image list, or wait with --wait');
  return EXIT.done;
}
