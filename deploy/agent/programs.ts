import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { type ProcessorFacts, PROCESSORS } from './contents.ts';
import { readElf } from './elf.ts';

export type Library = { readonly name: string; readonly path: string; readonly content: Uint8Array };

/** Unpacked packages, seen as one file system. */
export type PackageTrees = {
  /** Reads a file of a package, through links inside of it; throws when it is not there. */
  read(packageName: string, path: string): Uint8Array;
  /** The path of such a file on this machine. */
  locate(packageName: string, path: string): string;
  /** The libraries that programs ask for, and those ask for, as they lie in the image. */
  librariesOf(programs: readonly { readonly name: string; readonly content: Uint8Array }[]): Library[];
};

export function openPackageTrees(
  folders: ReadonlyMap<string, string>,
  processor: ProcessorFacts = PROCESSORS.x86_64,
): PackageTrees {
  /** Where the loader of the image looks for libraries. */
  const own = processor.libraries;
  const libraryFolders = [own, `usr/${own}`, 'lib64', 'lib'];
  const libraries = new Map<string, string>();
  for (const tree of folders.values()) {
    for (const folder of libraryFolders) {
      for (const name of list(join(tree, folder)).filter((one) => one.includes('.so'))) {
        const file = resolveInside(folders.values(), tree, `${folder}/${name}`);
        if (file !== undefined && !libraries.has(name)) libraries.set(name, file);
      }
    }
  }
  const locate = (packageName: string, path: string): string => {
    const tree = folders.get(packageName);
    const file = tree === undefined ? undefined : resolveInside(folders.values(), tree, path);
    if (file === undefined) throw new Error(`Debian's ${packageName} has no ${path}`);
    return file;
  };

  return {
    locate,
    read: (packageName, path) => readFileSync(locate(packageName, path)),
    librariesOf(programs) {
      const found = new Map<string, Library>();
      const queue = [...programs];
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const elf = readElf(next.content);
        if (elf?.machine !== processor.elfMachine)
          throw new Error(`${next.name} is no program for ${processor.debian}`);
        const loader = elf.interpreter?.replace(/^\//, '');
        for (const name of [...elf.needed, ...(loader === undefined ? [] : [basename(loader)])]) {
          const path = name.startsWith('ld-linux') ? `${processor.loaderFolder}/${name}` : `${own}/${name}`;
          if (found.has(path)) continue;
          const file = libraries.get(name);
          if (file === undefined) throw new Error(`${next.name} needs ${name}, which no package brought`);
          const library = { name, path, content: readFileSync(file) };
          found.set(path, library);
          queue.push(library);
        }
      }
      return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    },
  };
}

/** Follows links as if the trees were the root of a file system: never out of them into this machine's. */
function resolveInside(trees: Iterable<string>, tree: string, path: string, depth = 0): string | undefined {
  const full = join(tree, path);
  const stat = lstatSync(full, { throwIfNoEntry: false });
  if (stat?.isFile()) return full;
  if (!stat?.isSymbolicLink() || depth > 8) return undefined;
  const target = readlinkSync(full);
  const next = target.startsWith('/') ? target.slice(1) : posix.normalize(posix.join(posix.dirname(path), target));
  if (next.startsWith('..')) return undefined;
  const all = [...trees];
  return [tree, ...all].map((one) => resolveInside(all, one, next, depth + 1)).find((file) => file !== undefined);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
