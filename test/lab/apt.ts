import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, unpackedFolder } from './cache.ts';
import { debianMirrors } from '../../deploy/agent/apt.ts';
import { FOREIGN_PACKAGES, type UnpackedPackage } from './packages.ts';

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
    const options = isForeign(name) ? foreignOptions() : [];
    run('apt-get', [...options, 'download', realPackage(name, options)], work);
    const [archive] = readdirSync(work);
    if (archive === undefined) throw new Error(`apt-get download ${name} brought nothing`);
    run('dpkg-deb', ['-x', join(work, archive), join(work, 'tree')]);
    mkdirSync(join(target, '..'), { recursive: true });
    // A rename is whole or not at all: a folder that is there is complete.
    renameSync(join(work, 'tree'), target);
  } catch (error) {
    if (isForeign(name)) forgetForeignLists();
    throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The newest kernel's package is named with its version; the name without one is an empty package that needs it. */
function realPackage(name: UnpackedPackage, options: readonly string[]): string {
  if (!name.startsWith('linux-image-')) return name;
  const depends = run('apt-cache', [...options, 'depends', name]);
  const versioned = /Depends: (?<name>linux-image-\S+)/.exec(depends)?.groups?.['name'];
  if (versioned === undefined) throw new Error(`${name} depends on no kernel`);
  return versioned;
}

const isForeign = (name: UnpackedPackage): boolean => FOREIGN_PACKAGES.some((foreign) => foreign === name);

/** Where an apt has sources, lists and state of its own, so that this machine's learns of no other architecture or release. */
const FOREIGN_APT = join(CACHE, 'foreign-apt');
const FOREIGN_SOURCES = join(FOREIGN_APT, 'sources.list');
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The options of that apt; its lists are fetched when they are not there. */
function foreignOptions(): string[] {
  const options = Object.entries({
    'APT::Architecture': 'amd64',
    'APT::Architectures': 'amd64,arm64',
    'APT::Default-Release': 'bookworm',
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Dir::Cache': join(FOREIGN_APT, 'cache'),
    'Dir::Etc::SourceList': FOREIGN_SOURCES,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State': join(FOREIGN_APT, 'state'),
    'Dir::State::Status': '/dev/null',
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  if (existsSync(FOREIGN_SOURCES)) return options;
  const { archive } = debianMirrors();
  for (const folder of ['cache/archives/partial', 'state/lists/partial']) {
    mkdirSync(join(FOREIGN_APT, folder), { recursive: true });
  }
  const source = (suite: string) => `deb [signed-by=${KEYRING}] ${archive} ${suite} main\n`;
  writeFileSync(FOREIGN_SOURCES, source('bookworm') + source('trixie'));
  try {
    run('apt-get', [...options, 'update']);
  } catch (error) {
    forgetForeignLists();
    throw error;
  }
  return options;
}

/** Lists that are old name packages that are gone: the next try fetches new ones. */
function forgetForeignLists(): void {
  rmSync(FOREIGN_SOURCES, { force: true });
}
