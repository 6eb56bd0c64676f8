import { spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, openSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import { findUnpacked } from './cache.ts';
import { PROVISIONS, type Provision, type Source } from './packages.ts';

/** Rights and kernel features that no package brings. */
export type Right = 'root' | 'netns' | 'tun';
export type Need = Right | Provision;

type Had = { readonly kind: 'had'; readonly path: string } | { readonly kind: 'missing'; readonly reason: string };

/**
 * What a test needs: the paths of programs and files by name, or `false` after the test was skipped with the reason.
 *
 * ```
 * const tools = need(t, ['root', 'netns', 'dnsmasq']);
 * if (!tools) return;
 * spawn(tools.dnsmasq, …)
 * ```
 * A right has the path `''`.
 */
export function need<const N extends Need>(t: TestContext, names: readonly N[]): { readonly [K in N]: string } | false {
  const paths: Partial<Record<Need, string>> = {};
  for (const name of names) {
    const had = find(name);
    if (had.kind === 'missing') {
      t.skip(had.reason);
      return false;
    }
    paths[name] = had.path;
  }
  return paths as { readonly [K in N]: string };
}

function find(name: Need): Had {
  switch (name) {
    case 'root':
      return right(process.getuid?.() === 0, 'needs root');
    case 'netns':
      return right(spawnSync('unshare', ['--net', 'true']).status === 0, 'needs network namespaces');
    case 'tun':
      return right(canOpen('/dev/net/tun'), 'needs /dev/net/tun');
    case 'nft':
      return withKernel(findProvision(name, PROVISIONS[name]), ['add', 'table', 'netdev', 'probe']);
    default:
      return findProvision(name, PROVISIONS[name]);
  }
}

function right(held: boolean, reason: string): Had {
  return held ? { kind: 'had', path: '' } : { kind: 'missing', reason };
}

/** A program that is of use only if the kernel knows what it does: tried in a namespace that goes with it. */
function withKernel(had: Had, args: readonly string[]): Had {
  if (had.kind === 'missing') return had;
  const works = spawnSync('unshare', ['--net', had.path, ...args]).status === 0;
  return works ? had : { kind: 'missing', reason: 'needs a kernel with nf_tables' };
}

function findProvision(name: Provision, source: Source): Had {
  const path =
    'path' in source
      ? findUnpacked(source.package, source.path)
      : 'file' in source
        ? findFile(source.file)
        : findProgram(name);
  if (path !== undefined) return { kind: 'had', path };
  const why = process.env['INGOT_NO_PACKAGES'] ?? 'npm test installs it as root on Debian';
  return { kind: 'missing', reason: `needs ${name} of Debian's ${source.package}: ${why}` };
}

function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function findFile(path: string): string | undefined {
  return existsSync(path) ? path : undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function canOpen(path: string): boolean {
  try {
    closeSync(openSync(path, 'r+'));
    return true;
  } catch {
    return false;
  }
}
