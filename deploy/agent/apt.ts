import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseStanzas, type DebianPackage } from './stanzas.ts';

/** The Debian release that the image is made of. */
export const SUITE = 'bookworm';
const COMPONENTS = 'main non-free-firmware';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const DEBIAN_SUITES = /^(?:bullseye|bookworm|trixie|forky|sid|oldstable|stable|testing|unstable)$/;

export type Mirrors = {
  /** Base of the archive, such as the host's own apt has it. */
  readonly archive: string;
  /** Base of the security archive; without it the image has no security updates. */
  readonly security: string | undefined;
};

/** Debian packages, from an apt whose sources, lists and state are its own. */
export type PackageSource = {
  /** The newest version of each; throws when one is not to be had. */
  find(names: readonly string[]): DebianPackage[];
  /** The same, but without those that are not to be had. */
  findSome(names: readonly string[]): DebianPackage[];
  /** Downloads what is not here yet and unpacks it: the folder of each, by name. */
  unpack(packages: readonly DebianPackage[]): Map<string, string>;
};

/** The mirrors that were named, or those where the apt of this machine gets Debian from. Throws when there are none. */
export function debianMirrors(
  named: { readonly archive?: string | undefined; readonly security?: string | undefined } = {},
): Mirrors {
  if (named.archive !== undefined) return { archive: named.archive, security: named.security };
  const host = hostMirrors();
  if (host.archive === undefined) throw new Error('the apt of this machine has no mirror of Debian: name one');
  return { archive: host.archive, security: named.security ?? host.security };
}

/** As apt itself understands its configuration. */
function hostMirrors(): { readonly archive: string | undefined; readonly security: string | undefined } {
  const lines = execFileSync(
    'apt-get',
    ['indextargets', '--format', '$(REPO_URI) $(RELEASE)', 'Created-By: Packages'],
    {
      encoding: 'utf8',
    },
  ).split('\n');
  const repositories = lines.map((line) => line.split(' ')).map(([uri = '', suite = '']) => ({ uri, suite }));
  const archive = repositories.find(({ suite }) => DEBIAN_SUITES.test(suite))?.uri;
  const security = repositories.find(
    ({ suite }) => suite.endsWith('-security') && DEBIAN_SUITES.test(suite.slice(0, -'-security'.length)),
  )?.uri;
  return { archive, security };
}

/**
 * Reads the lists of the mirrors into `folder`, where all that is downloaded and unpacked stays for the next time.
 *
 * Nothing of the machine's own apt is read or written but how it reaches the network (its proxies). `snapshot` takes
 * lists whose validity has run out, as those of a mirror of the past have.
 */
export function openPackageSource(options: {
  readonly folder: string;
  readonly mirrors: Mirrors;
  readonly snapshot: boolean;
  /** As Debian names it; nothing of it is ever run. */
  readonly architecture?: 'amd64' | 'arm64';
}): PackageSource {
  const { folder, architecture = 'amd64' } = options;
  if (!existsSync(KEYRING)) throw new Error(`${KEYRING} is missing: install debian-archive-keyring`);
  const apt = join(folder, architecture === 'amd64' ? 'apt' : `apt-${architecture}`);
  for (const made of ['etc/none', 'state/lists/partial', 'cache/archives/partial', 'log']) {
    mkdirSync(join(apt, made), { recursive: true });
  }
  writeFileSync(join(apt, 'state/status'), '');
  writeFileSync(join(apt, 'etc/sources.list'), sourceList({ ...options, architecture }));
  writeFileSync(join(apt, 'etc/apt.conf'), aptConfiguration(apt, architecture));
  const env = { ...process.env, APT_CONFIG: join(apt, 'etc/apt.conf'), LC_ALL: 'C' };
  const run = (command: string, args: readonly string[], cwd = folder) =>
    execFileSync(command, args, {
      cwd,
      env,
      encoding: 'utf8',
      maxBuffer: 256 << 20,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  run('apt-get', ['update', '-q', '--error-on=any']);

  /** What apt-cache says; of names that it does not know it says nothing, and ends with a status that counts for nought. */
  const show = (names: readonly string[]): DebianPackage[] => {
    if (names.length === 0) return [];
    try {
      return parseStanzas(run('apt-cache', ['show', '--no-all-versions', ...names]));
    } catch (error) {
      if (typeof error === 'object' && error !== null && 'stdout' in error && typeof error.stdout === 'string') {
        return parseStanzas(error.stdout);
      }
      throw error;
    }
  };

  return {
    findSome: show,
    find(names) {
      const found = show(names);
      const missing = names.filter((name) => !found.some((one) => one.name === name));
      if (missing.length > 0)
        throw new Error(`${options.mirrors.archive} has no ${missing.join(', ')} in ${SUITE} for ${architecture}`);
      return found;
    },
    unpack(packages) {
      const archives = join(folder, 'archives');
      mkdirSync(archives, { recursive: true });
      const path = (one: DebianPackage) => join(archives, `${one.sha256}.deb`);
      const wanted = packages.filter((one) => !existsSync(path(one)));
      if (wanted.length > 0) {
        const work = mkdtempSync(join(folder, 'downloading-'));
        try {
          run('apt-get', ['download', '-q', ...wanted.map((one) => `${one.name}=${one.version}`)], work);
          const bySha256 = new Map(readdirSync(work).map((name) => [sha256Of(join(work, name)), join(work, name)]));
          for (const one of wanted) {
            const got = bySha256.get(one.sha256);
            if (got === undefined) throw new Error(`${one.name} ${one.version} came with another SHA-256 than listed`);
            renameSync(got, path(one));
          }
        } finally {
          rmSync(work, { recursive: true, force: true });
        }
      }
      return new Map(packages.map((one) => [one.name, unpackOnce(folder, path(one), `${one.name}-${one.sha256}`)]));
    },
  };

  function unpackOnce(cache: string, archive: string, name: string): string {
    const target = join(cache, 'unpacked', name);
    if (existsSync(target)) return target;
    mkdirSync(join(cache, 'unpacked'), { recursive: true });
    const work = mkdtempSync(join(cache, 'unpacking-'));
    try {
      run('dpkg-deb', ['-x', archive, join(work, 'tree')]);
      // A rename is whole or not at all: a folder that is there is complete.
      renameSync(join(work, 'tree'), target);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
    return target;
  }
}

function sourceList(list: {
  readonly mirrors: Mirrors;
  readonly snapshot: boolean;
  readonly architecture: string;
}): string {
  const { mirrors, snapshot, architecture } = list;
  const options = `[signed-by=${KEYRING} arch=${architecture}${snapshot ? ' check-valid-until=no' : ''}]`;
  const line = (base: string, suite: string) => `deb ${options} ${checkedBase(base)} ${suite} ${COMPONENTS}\n`;
  return [
    line(mirrors.archive, SUITE),
    line(mirrors.archive, `${SUITE}-updates`),
    mirrors.security === undefined ? '' : line(mirrors.security, `${SUITE}-security`),
  ].join('');
}

function checkedBase(base: string): string {
  if (!/^(?:https?|file):\/\/[^\s[\]]+$/.test(base))
    throw new Error(`got the mirror ${base}, want an http, https or file URL`);
  return base;
}

function aptConfiguration(apt: string, architecture: string): string {
  const proxies = execFileSync('apt-config', ['dump', '--format', '%F "%v";%n', 'Acquire'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => /^Acquire::https?::Proxy(?:::\S+)? ".+";$/.test(line));
  return [
    `Dir "${apt}";`,
    'Dir::Etc "etc"; Dir::Etc::main "none.conf"; Dir::Etc::parts "none"; Dir::Etc::sourcelist "sources.list";',
    'Dir::Etc::sourceparts "none"; Dir::Etc::preferences "none.pref"; Dir::Etc::preferencesparts "none";',
    'Dir::Etc::trusted "none.gpg"; Dir::Etc::trustedparts "none";',
    'Dir::State "state"; Dir::State::status "state/status"; Dir::Cache "cache"; Dir::Log "log";',
    `Dir::State::status "${join(apt, 'state/status')}";`,
    `APT::Architecture "${architecture}"; APT::Architectures { "${architecture}"; };`,
    // The folders are the builder's own, and apt's user for downloads could not write there.
    'APT::Sandbox::User "";',
    'Acquire::Languages "none"; Acquire::Retries "3"; Acquire::http::Timeout "30"; Acquire::https::Timeout "30";',
    ...proxies,
    '',
  ].join('\n');
}

function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
