import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { LOADER_NAMES, type LoaderFile } from '#machines/decide/loader.ts';
import type { LoaderCatalog } from './contract.ts';
import { kindOfLoader, LOADER_HEAD_BYTES } from './wire/pe-header.ts';

/** Where Debian's packages `ipxe`, `shim-signed` and `grub-efi-*-signed` put theirs. */
export const DEBIAN_LOADERS = ['/usr/lib/ipxe', '/usr/lib/shim', '/usr/lib/grub'] as const;

/** How long an answer stands: DHCP asks for each packet. */
const LOOK_AGAIN_MS = 1000;

type Found = { readonly file: LoaderFile; readonly path: string };

/**
 * Loaders in `dir`, then in each of `fallbackDirs`, laid out by name (`ipxe/x86_64/snponly.efi`) or flat
 * (`snponly.efi`, `ipxe-arm64.efi`), as packages have them. What a file is for is read from its header: a file under a wrong
 * architecture's name is not offered, and `problems` says so.
 */
export function openLoaders({
  dir,
  fallbackDirs = DEBIAN_LOADERS,
  now = Date.now,
}: {
  readonly dir: string;
  readonly fallbackDirs?: readonly string[];
  readonly now?: () => number;
}): LoaderCatalog & { readonly problems: () => readonly string[] } {
  const roots = [dir, ...fallbackDirs];
  const headers = headerCache();
  let lookedAt = Number.NEGATIVE_INFINITY;
  let found = new Map<string, Found>();
  let problems: string[] = [];

  function look(): void {
    const at = now();
    // A clock that was set back must not stop us from looking.
    if (Math.abs(at - lookedAt) < LOOK_AGAIN_MS) return;
    lookedAt = at;
    found = new Map();
    problems = [];
    for (const name of LOADER_NAMES) {
      for (const path of roots.flatMap((root) => placesOf(root, name))) {
        const header = headers.read(path);
        if (!header) continue;
        const problem = header.kind === 'unreadable' ? header.because : unfit(name, header);
        if (problem === undefined && header.kind === 'file') {
          found.set(name, { file: { name, size: header.size }, path });
          break;
        }
        // A flat file is no mistake: one `snponly.efi` is for one architecture and found under every name.
        if (problem !== undefined && path.endsWith(name)) problems.push(`${path}: ${problem}`);
      }
    }
  }

  return {
    available() {
      look();
      return new Map([...found].map(([name, { file }]) => [name, file]));
    },
    path(name) {
      look();
      return found.get(name)?.path;
    },
    problems() {
      look();
      return problems;
    },
  };
}

function placesOf(root: string, name: string): readonly string[] {
  const flat = basename(name);
  return [...new Set([name, join('ipxe', flat), flat, debianName(name)])].map((place) => join(root, place));
}

/**
 * Since Debian 13 one package has iPXE for several processors, side by side and named as dpkg names these. What is
 * signed has its name from that.
 */
function debianName(name: string): string {
  const [, program, architecture = '', file = ''] = /^(ipxe|grub)\/([^/]+)\/([^/]+)\.efi$/.exec(name) ?? [];
  if (program === undefined) return basename(name);
  if (program === 'ipxe') return `${file}-${architecture === 'x86_64' ? 'amd64' : architecture}.efi`;
  if (file.startsWith('shim')) return `${file}.efi.signed`;
  return `${architecture}-efi-signed/${file.replace('grub', 'grubnet')}.efi.signed`;
}

/** Why a file cannot be what its name says. */
function unfit(name: string, { head, hasHttp }: Extract<Header, { kind: 'file' }>): string | undefined {
  const kind = kindOfLoader(head);
  const [, wanted, file = ''] = /^(?:ipxe|grub)\/([^/]+)\/([^/]+)\.efi$/.exec(name) ?? [];
  if (wanted === undefined) return kind.kind === 'other' ? undefined : 'is a UEFI program, want a BIOS one';
  switch (kind.kind) {
    case 'other':
      return 'is no UEFI program';
    case 'efi-other':
      return `is for a processor that nothing is known of (PE machine 0x${kind.machine.toString(16)})`;
    case 'efi':
      if (kind.architecture !== wanted) return `is for ${kind.architecture}, its name says ${wanted}`;
      return file.startsWith('grub') && !hasHttp() ? WITHOUT_HTTP : undefined;
    default:
      return kind satisfies never;
  }
}

const WITHOUT_HTTP = 'is a GRUB that cannot speak HTTP, as the signed one of Debian 12; that of Debian 13 can';

type Header =
  | {
      readonly kind: 'file';
      readonly size: number;
      readonly head: Uint8Array;
      /** Are words of an HTTP client in it? The whole file is read for that, once. */
      readonly hasHttp: () => boolean;
    }
  | { readonly kind: 'unreadable'; readonly because: string };

/** Reads heads of files, each once as long as it does not change. Synchronous, since a DHCP packet asks. */
function headerCache() {
  const known = new Map<string, { readonly key: string; readonly header: Header }>();
  return {
    /** Nothing if there is no such file. */
    read(path: string): Header | undefined {
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (!stat?.isFile() || stat.size === 0n) return undefined;
      const key = `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
      const before = known.get(path);
      if (before?.key === key) return before.header;
      const header = readHead(path, Number(stat.size));
      known.set(path, { key, header });
      return header;
    },
  };
}

function readHead(path: string, size: number): Header {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const head = new Uint8Array(Math.min(size, LOADER_HEAD_BYTES));
      const length = readSync(descriptor, head, 0, head.length, 0);
      return { kind: 'file', size, head: head.subarray(0, length), hasHttp: once(() => hasHttp(path)) };
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return { kind: 'unreadable', because: `could not be read (${error instanceof Error ? error.message : 'unknown'})` };
  }
}

/** A module of GRUB lies in its image as it is, with the header fields that it reads. */
const hasHttp = (path: string): boolean => readFileSync(path).includes('Transfer-Encoding: chunked');

function once<T>(work: () => T): () => T {
  let result: { readonly value: T } | undefined;
  return () => (result ??= { value: work() }).value;
}
