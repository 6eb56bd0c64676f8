import { execFileSync } from 'node:child_process';
import { existsSync, linkSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { moduleFacts } from './elf.ts';

/** A module and what it asks for. */
export type KernelModule = {
  readonly name: string;
  /** Below /lib/modules/VERSION, such as `kernel/drivers/net/virtio_net.ko`. */
  readonly path: string;
  readonly bytes: number;
  /** Files below /lib/firmware that it may ask for. */
  readonly firmware: readonly string[];
};

export type KernelTree = {
  readonly version: string;
  /** The unpacked package. */
  readonly folder: string;
  /** The folder of the modules. */
  readonly modules: string;
  readonly image: string;
};

/** Names of modules are the same with - and _. */
const plain = (name: string): string => name.replaceAll('-', '_');

export function openKernelTree(folder: string): KernelTree {
  const versions = readdirSync(join(folder, 'lib/modules'));
  const [version] = versions;
  if (version === undefined || versions.length > 1)
    throw new Error(`got ${versions.length} kernels in ${folder}, want 1`);
  return {
    version,
    folder,
    modules: join(folder, 'lib/modules', version),
    image: join(folder, `boot/vmlinuz-${version}`),
  };
}

/**
 * The modules and all that they need, before or beside them, sorted by path. What is built in is left out; a name that
 * the kernel has neither way is an error.
 */
export function selectModules(kernel: KernelTree, wanted: readonly string[]): KernelModule[] {
  const paths = new Map(
    readdirSync(kernel.modules, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ko'))
      .map((path) => [plain(basename(path, '.ko')), path]),
  );
  const builtIn = new Set(
    readFileSync(join(kernel.modules, 'modules.builtin'), 'utf8')
      .split('\n')
      .map((path) => plain(basename(path, '.ko'))),
  );
  const selected = new Map<string, KernelModule>();
  const queue = wanted.map((name) => ({ name: plain(name), needed: true }));
  const missing: string[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { name, needed } = next;
    const path = paths.get(name);
    if (selected.has(name) || builtIn.has(name)) continue;
    if (path === undefined) {
      // A soft dependency may be on an algorithm's name, or on what this kernel does without.
      if (needed) missing.push(name);
      continue;
    }
    const content = readFileSync(join(kernel.modules, path));
    const facts = moduleFacts(content);
    const values = (key: string) => facts.filter((fact) => fact.key === key).map((fact) => fact.value);
    selected.set(name, { name, path, bytes: content.length, firmware: [...new Set(values('firmware'))].sort() });
    for (const needed of values('depends').flatMap((list) => list.split(','))) {
      if (needed !== '') queue.push({ name: plain(needed), needed: true });
    }
    for (const soft of values('softdep').flatMap((list) => list.split(/\s+/))) {
      if (!soft.endsWith(':')) queue.push({ name: plain(soft), needed: false });
    }
  }
  if (missing.length > 0) throw new Error(`the kernel ${kernel.version} has no module ${missing.join(', ')}`);
  return [...selected.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The indexes by which modprobe finds modules, made by the image's own depmod: contents by name. */
export function moduleIndexes(options: {
  readonly kernel: KernelTree;
  readonly modules: readonly KernelModule[];
  readonly work: string;
  /** Runs the image's kmod on this machine under another name. */
  readonly kmod: (name: string, args: readonly string[]) => readonly [string, ...string[]];
}): Map<string, Uint8Array> {
  const { kernel, modules } = options;
  const base = mkdtempSync(join(options.work, 'depmod-'));
  try {
    const folder = join(base, 'lib/modules', kernel.version);
    const known = ['modules.builtin', 'modules.builtin.modinfo', 'modules.order'];
    for (const path of [...known, ...modules.map((one) => one.path)]) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      linkOrCopy(join(kernel.modules, path), join(folder, path));
    }
    const [command, ...args] = options.kmod('depmod', ['-b', base, kernel.version]);
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { LC_ALL: 'C' } });
    const indexes = readdirSync(folder).filter((name) => name.endsWith('.bin') || name === 'modules.softdep');
    return new Map(
      [...indexes, 'modules.dep', 'modules.builtin'].sort().map((name) => [name, readFileSync(join(folder, name))]),
    );
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

export type FirmwareFile = { readonly path: string; readonly file: string; readonly from: string };

/**
 * Finds the firmware that modules ask for, first where the operator keeps some; a file may be compressed as the kernel
 * takes it. `missing` are files that are nowhere; a driver names more than one device needs, and older ones too.
 */
export function selectFirmware(
  modules: readonly KernelModule[],
  places: readonly { readonly name: string; readonly folder: string }[],
): {
  readonly found: readonly FirmwareFile[];
  readonly missing: readonly {
    readonly module: string;
    readonly files: readonly string[];
    readonly complete: false | 'some';
  }[];
} {
  const found = new Map<string, FirmwareFile>();
  const missing = modules.flatMap(({ name, firmware }) => {
    const lacking = firmware.filter((path) => {
      const file = places
        .flatMap((place) => ['', '.xz', '.zst'].map((ending) => ({ place, ending })))
        .find(({ place, ending }) => existsSync(join(place.folder, path + ending)));
      if (file === undefined) return true;
      const { place, ending } = file;
      found.set(path + ending, { path: path + ending, file: join(place.folder, path + ending), from: place.name });
      return false;
    });
    if (lacking.length === 0) return [];
    return [
      {
        module: name,
        files: lacking,
        complete: lacking.length < firmware.length ? ('some' as const) : (false as const),
      },
    ];
  });
  return { found: [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1)), missing };
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
