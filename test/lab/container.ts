import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { CACHE } from './cache.ts';
import { waitFor } from './wait.ts';

export const CONTAINER_NEEDS = ['root', 'netns', 'mmdebstrap', 'systemd-nspawn'] as const;
type Tools = Readonly<Record<(typeof CONTAINER_NEEDS)[number], string>>;

/** What a package of ours depends on, and systemd. dpkg and the shell are in every Debian. */
const PACKAGES = ['systemd', 'adduser', 'libstdc++6'] as const;
const START_LIMIT_MS = 60_000;
const END_LIMIT_MS = 20_000;

export type Said = { readonly status: number | null; readonly output: string };

/** A Debian with systemd as its first process, and a network of its own without a way out. */
export type Container = AsyncDisposable & {
  /** Its files, seen from outside. */
  readonly root: string;
  /** A program of this machine, run in the container's network. */
  inNetwork(program: string, args: readonly string[]): void;
  /** Runs a shell command in it; output and errors together. */
  run(command: string): Said;
  /** As `run`, and throws with what it said where it fails. Returns the output without its last newline. */
  must(command: string): string;
};

/** Debian 12's smallest root with systemd as a tar file in the cache. Throws with mmdebstrap's last words. */
export function debianRoot(mmdebstrap: string): string {
  const path = join(CACHE, 'guests', 'debian-12.tar');
  if (existsSync(path)) return path;
  mkdirSync(join(CACHE, 'guests'), { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'guests', 'root-'));
  try {
    const made = join(folder, 'root.tar');
    const args = ['--quiet', '--variant=essential', `--include=${PACKAGES.join(',')}`, 'bookworm', made];
    const { status, stderr } = spawnSync(mmdebstrap, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`no Debian could be made: ${stderr.trim().split('\n').at(-1)}`);
    renameSync(made, path);
    return path;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Starts one from a tar file. It may itself be inside a container: it is registered nowhere and stays in our cgroup.
 * Where this machine lets no container start, what systemd-nspawn says of it.
 */
export async function startContainer(options: {
  readonly tools: Tools;
  readonly tar: string;
  /** Folders of this machine that are seen in it at the same path, read-only. */
  readonly shows: readonly string[];
}): Promise<Container | { readonly refused: string }> {
  const folder = mkdtempSync(join(CACHE, 'guests', 'container-'));
  const root = join(folder, 'root');
  mkdirSync(root);
  execFileSync('tar', ['--extract', '--file', options.tar, '--directory', root]);
  writeFileSync(join(root, 'etc/machine-id'), '');
  const args = ['--quiet', '--directory', root, '--private-network', '--register=no', '--keep-unit'];
  const program = options.tools['systemd-nspawn'];
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const tried = spawnSync(program, [...args, '--pipe', 'true'], { encoding: 'utf8', timeout: START_LIMIT_MS });
  if (tried.status !== 0) {
    remove();
    return { refused: tried.stderr.trim().split('\n').at(-1) || `it ended with status ${tried.status}` };
  }
  const shows = options.shows.map((path) => `--bind-ro=${path}`);
  const nspawn = spawn(program, [...args, '--boot', '--console=read-only', ...shows], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [nspawn.stdout, nspawn.stderr]) stream.on('data', (bytes) => (said += String(bytes)));
  const ended = once(nspawn, 'exit');
  const groups = groupsOfOurs();

  const run = (command: string): Said => {
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', HOME: '/root' };
    const enter = ['--target', String(leader()), '--all', 'sh', '-c', `exec 2>&1; ${command}`];
    const { status, stdout } = spawnSync('nsenter', enter, { encoding: 'utf8', env, timeout: START_LIMIT_MS });
    return { status, output: stdout.trimEnd() };
  };
  const stop = async (): Promise<void> => {
    // Its files go away with it, so nothing is saved: the first process ends, and with it all others.
    const first = leader();
    if (first !== undefined) process.kill(first, 'SIGKILL');
    const kill = setTimeout(() => nspawn.kill('SIGKILL'), END_LIMIT_MS);
    await ended;
    clearTimeout(kill);
    groups.forEach(removeGroup);
    remove();
  };

  try {
    await waitFor(
      'systemd in the container',
      () => {
        if (nspawn.exitCode !== null) throw new Error(`the container ended:\n${said}`);
        return leader() !== undefined && /running|degraded/.test(run('systemctl is-system-running').output);
      },
      START_LIMIT_MS,
    );
  } catch (error) {
    await stop();
    throw new Error(`the container did not start; it said:\n${said}`, { cause: error });
  }
  return {
    root,
    run,
    inNetwork(name, args) {
      execFileSync('nsenter', ['--target', String(leader()), '--net', name, ...args], { stdio: 'pipe' });
    },
    must(command) {
      const { status, output } = run(command);
      if (status !== 0) throw new Error(`${command} ended with ${status}: ${output}`);
      return output;
    },
    [Symbol.asyncDispose]: stop,
  };

  /** The container's first process: the child of nspawn that runs systemd. */
  function leader(): number | undefined {
    const { pid } = nspawn;
    if (pid === undefined) return undefined;
    for (const thread of list(`/proc/${pid}/task`)) {
      const children = read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean);
      const first = children.find((child) => read(`/proc/${child}/comm`) === 'systemd\n');
      if (first !== undefined) return Number(first);
    }
    return undefined;
  }
}

/** Where nspawn makes control groups for the container: below those that this process is in. */
function groupsOfOurs(): readonly string[] {
  const lines = read('/proc/self/cgroup').trim().split('\n');
  return lines.flatMap((line) => {
    const [, controllers = '', path = ''] = line.split(':');
    const mounts = controllers === '' ? ['', 'unified'] : [controllers.replace('name=', '')];
    return mounts.flatMap((mount) =>
      ['payload', 'supervisor'].map((name) => join('/sys/fs/cgroup', mount, path, name)),
    );
  });
}

/** nspawn leaves them behind, empty. One that another container uses stays. */
function removeGroup(folder: string): void {
  for (const entry of directories(folder)) removeGroup(join(folder, entry));
  try {
    rmdirSync(folder);
  } catch {}
}

function directories(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
