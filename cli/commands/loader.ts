import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { LOADER_NAMES } from '#machines/decide/loader.ts';
import type { ReceivedOf } from '#machines/contract/api/route.ts';
import { MAX_LOADER_BYTES, type Routes } from '#machines/contract/api/routes.ts';
import { kindOfLoader } from '#services/images/wire/pe-header.ts';
import type { Daemon } from '../daemon.ts';
import { badInput } from '../failure.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { type Column, table } from '../output/table.ts';
import { say, type Terminal } from '../terminal.ts';
import { codeOf } from '../where.ts';

type Loader = ReceivedOf<Routes['listLoaders']>['items'][number];

export async function listLoaders(term: Terminal, daemon: Daemon, output: Format): Promise<void> {
  const { value } = await daemon.ask('listLoaders');
  if (output !== 'table') return printDocuments(term, output, value.items);
  const columns: readonly Column<Loader>[] = [
    { title: 'NAME', of: ({ name }) => name },
    {
      title: 'THERE',
      of: ({ present }) => (present ? 'yes' : 'missing'),
      style: ({ present }) => (present ? 'green' : 'yellow'),
    },
    { title: 'BYTES', of: ({ size }) => size },
    { title: 'PATH', of: ({ path }) => path },
  ];
  say(term, ...table(term, columns, value.items));
}

export type AddLoaderOptions = { readonly as?: string; readonly sha256?: string };

/** Gives the daemon a first-stage boot file. One from a URL must be named by its digest: machines will run it. */
export async function addLoader(
  term: Terminal,
  daemon: Daemon,
  source: string,
  options: AddLoaderOptions,
): Promise<void> {
  const { sha256 } = options;
  const isUrl = /^https?:\/\//.test(source);
  if (isUrl && sha256 === undefined)
    throw badInput('--sha256: want the digest of the file, since it comes over a network');
  const bytes = isUrl ? await download(source, term) : await read(source, term);
  const name = options.as ?? nameOf(basename(isUrl ? new URL(source).pathname : source), bytes);
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== undefined && sha256 !== digest) throw badInput(`${source}: its digest is ${digest}, want ${sha256}`);
  await daemon.ask('addLoader', { query: { name, sha256: digest }, body: bytes });
  say(term, `${name} added: ${bytes.length} bytes, sha256 ${digest}`);
}

/** A UEFI program says for which processor it is; upstream's file names say the rest. */
export function nameOf(file: string, bytes: Uint8Array): string {
  const kind = kindOfLoader(bytes);
  // As Debian's packages of shim and GRUB have them.
  const plain = file.replace(/\.signed$/, '').replace(/^grubnet/, 'grub');
  const wanted =
    kind.kind === 'efi'
      ? ['ipxe', 'grub'].map((program) => `${program}/${kind.architecture}/${plain}`)
      : [`ipxe/${file}`];
  const name = wanted.find((one) => LOADER_NAMES.includes(one));
  if (name !== undefined) return name;
  throw badInput(
    `${file}: what it is for cannot be told by its name; want --as with one of`,
    ...LOADER_NAMES.map((name) => `  ${name}`),
  );
}

async function read(path: string, { cwd }: Terminal): Promise<Uint8Array> {
  try {
    return await readFile(resolve(cwd, path));
  } catch (error) {
    throw badInput(
      `${path}: ${codeOf(error) === 'ENOENT' ? 'there is no such file' : `cannot be read (${codeOf(error) ?? String(error)})`}`,
    );
  }
}

async function download(url: string, { signal }: Terminal): Promise<Uint8Array> {
  const response = await fetch(url, { signal }).catch((error: unknown) => {
    throw badInput(`${url}: could not be fetched (${error instanceof Error ? error.message : String(error)})`);
  });
  if (!response.ok) throw badInput(`${url}: its server answered ${response.status}`);
  const length = Number(response.headers.get('content-length') ?? 0);
  if (length > MAX_LOADER_BYTES) throw badInput(`${url}: it has ${length} bytes, want at most ${MAX_LOADER_BYTES}`);
  return new Uint8Array(await response.arrayBuffer());
}
