import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isElf, withoutSections } from '../agent/elf.ts';
import { bundlePrograms, NATIVE_PACKAGES } from './bundle.ts';

/** What the programs read while they run, at the place that it has in the checkout. */
const ASSETS = ['templates', 'machines/api/proto', 'server/api/page', 'web/dist'] as const;

export type Release = {
  /** Folders of the packages in it, relative to the root. */
  readonly packages: readonly string[];
  readonly hasPage: boolean;
};

/**
 * Lays the programs, their runtime and their files down in `to`, which becomes a folder that needs nothing else but
 * libc and libstdc++. The same checkout makes the same bytes.
 */
export async function layRelease(options: { readonly root: string; readonly to: string }): Promise<Release> {
  const { root, to } = options;
  const { files, packages } = await bundlePrograms(root);
  for (const { path, code } of files) put(join(to, path), code);
  put(join(to, 'package.json'), `${JSON.stringify({ name: 'ingot', private: true, type: 'module' })}\n`);
  for (const asset of ASSETS) {
    if (existsSync(join(root, asset))) cpSync(join(root, asset), join(to, asset), { recursive: true });
  }
  const { arch } = process;
  put(join(to, 'bin/node'), stripped(readFileSync(join(root, `node_modules/node-linux-${arch}/bin/node`))), 0o755);
  const native = [
    [
      'better-sqlite3',
      (path: string) => /^(lib\/|package\.json|LICENSE)/.test(path) || path === `prebuilds/linux-${arch}.node`,
    ],
    ['koffi', (path: string) => /^((index|indirect|lib\/|src\/koffi\/).*\.c?js$|package\.json|LICENSE)/.test(path)],
    [`@koromix/koffi-linux-${arch}`, (path: string) => !path.startsWith('musl')],
  ] as const;
  for (const [name, wanted] of native) {
    const from = join(root, 'node_modules', name);
    for (const path of readdirSync(from, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(from.length + 1))
      .filter((path) => wanted(path))) {
      put(join(to, 'node_modules', name, path), stripped(readFileSync(join(from, path))));
    }
  }
  // What a package needs of itself is known only when it is loaded.
  const loads = NATIVE_PACKAGES.map((name) => `await import(${JSON.stringify(name)});`).join('');
  execFileSync(join(to, 'bin/node'), ['--input-type=module', '--eval', loads], { cwd: to, stdio: 'pipe' });
  return {
    packages: [...packages, ...NATIVE_PACKAGES.map((name) => `node_modules/${name}`)].sort(),
    hasPage: existsSync(join(root, 'web/dist/index.html')),
  };
}

/** Debugging symbols of programs and libraries are of no use to those who run them. */
function stripped(bytes: Uint8Array): Uint8Array {
  return isElf(bytes) ? withoutSections(bytes) : bytes;
}

function put(path: string, content: string | Uint8Array, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content, { mode });
}

/** Modes and times that say nothing about who built it, and when. Programs stay programs. */
export function normalize(folder: string, seconds: number): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) chmodSync(path, 0o755);
    else if (entry.isFile() && !isProgram(path)) chmodSync(path, 0o644);
    lutimesSync(path, seconds, seconds);
  }
  chmodSync(folder, 0o755);
  lutimesSync(folder, seconds, seconds);
}

const isProgram = (path: string): boolean => /\/(bin\/[^/]+|DEBIAN\/(postinst|prerm|postrm|preinst))$/.test(path);
