import { accessSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './run-command.ts';

const LIMIT_MS = 900_000;

/**
 * Installs the packages that tests work with, where that is allowed.
 *
 * Returns why not otherwise, for the skipped tests to say. Runs one at a time on a machine: it changes the machine's
 * service policy for a while.
 */
export async function preparePackages(options: {
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'installing it needs root';
  if (process.arch !== 'x64') return 'installing it is known to work only on x86-64';
  if (!['apt-get', 'dpkg-deb', 'flock'].every((name) => isThere(`/usr/bin/${name}`))) return 'this is not Debian';
  const install = join(options.root, 'test', 'lab', 'install.ts');
  const { status, timedOut, output } = await runCommand({
    ...options,
    command: 'flock',
    args: ['/run/lock/ingot-test-packages', process.execPath, install],
    cwd: options.root,
    limitMs: LIMIT_MS,
  });
  if (output !== '') console.log(output.trimEnd());
  if (status === 0) return undefined;
  return timedOut ? 'installing packages took too long' : `installing packages ended with status ${status}`;
}

function isThere(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}
