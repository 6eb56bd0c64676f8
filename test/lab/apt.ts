import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, unpackedFolder } from './cache.ts';
import type { UnpackedPackage } from './packages.ts';

const ENV = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', DEBCONF_NOWARNINGS: 'yes' };
const INSTALL = ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=600'];

/** Runs a program and returns what it wrote; throws with its words when it fails. */
function run(command: string, args: readonly string[], cwd = '/'): string {
  return execFileSync(command, args, { cwd, env: ENV, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export function isInstalled(name: string): boolean {
  try {
    return run('dpkg-query', ['-W', '-f', '${db:Status-Status}', name]) === 'installed';
  } catch {
    return false;
  }
}

export function updateLists(): void {
  run('apt-get', ['update', '-o', 'DPkg::Lock::Timeout=600']);
}

/** Installs packages at once. apt installs all or none. */
export function installPackages(names: readonly string[]): void {
  run('apt-get', [...INSTALL, ...names]);
}

/** Downloads a package and unpacks it into the cache, without a trace in dpkg's books. */
export function unpackPackage(name: UnpackedPackage): void {
  const target = unpackedFolder(name);
  if (existsSync(target)) return;
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'unpacking-'));
  try {
    run('apt-get', ['download', realPackage(name)], work);
    const [archive] = readdirSync(work);
    if (archive === undefined) throw new Error(`apt-get download ${name} brought nothing`);
    run('dpkg-deb', ['-x', join(work, archive), join(work, 'tree')]);
    mkdirSync(join(target, '..'), { recursive: true });
    // A rename is whole or not at all: a folder that is there is complete.
    renameSync(join(work, 'tree'), target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The newest kernel's package is named with its version; the name without one is an empty package that needs it. */
function realPackage(name: UnpackedPackage): string {
  if (!name.startsWith('linux-image-')) return name;
  const versioned = /Depends: (?<name>linux-image-\S+)/.exec(run('apt-cache', ['depends', name]))?.groups?.['name'];
  if (versioned === undefined) throw new Error(`${name} depends on no kernel`);
  return versioned;
}
