import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { findUnpacked, unpackedFolder } from './cache.ts';
import { waitFor } from './wait.ts';

const run = promisify(execFile);

/** PostgreSQL refuses to run as root. */
const NOBODY = 65_534;
const START_LIMIT_MS = 60_000;

export type Postgres = AsyncDisposable & {
  /** Makes an empty database; gives its URL. */
  database(): Promise<string>;
};

/** Why there can be no server here; nothing if there can. */
export function whyNoPostgres(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root, to run PostgreSQL as somebody else';
  return findUnpacked('postgresql-15', 'usr/lib/postgresql/15/bin') === undefined
    ? 'needs the package postgresql-15'
    : undefined;
}

/** A throw-away server from Debian's package, on a socket in a folder that goes with it: no port, no service. */
export async function startPostgres(): Promise<Postgres> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-postgres-'));
  const [data, socket] = [join(folder, 'data'), join(folder, 'socket')];
  await chmod(folder, 0o755);
  // The checkout may lie where nobody else may go.
  await cp(join(unpackedFolder('postgresql-15'), 'usr'), join(folder, 'usr'), { recursive: true });
  for (const one of [data, socket]) {
    await mkdir(one, { mode: 0o700 });
    await chown(one, NOBODY, NOBODY);
  }
  const bin = join(folder, 'usr/lib/postgresql/15/bin');
  const asNobody = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];
  const setup = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync', '-D', data];
  await run('setpriv', [...asNobody, join(bin, 'initdb'), ...setup], { cwd: folder });
  const args = ['-D', data, '-k', socket, '-c', 'listen_addresses=', '-c', 'max_connections=50'];
  const server = spawn('setpriv', [...asNobody, join(bin, 'postgres'), ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(server, 'exit');
  const urlOf = (name: string): string => `postgres://postgres@${encodeURIComponent(socket)}/${name}`;
  let databases = 0;

  async function stop(): Promise<void> {
    // Fast shutdown: connections are closed, nothing is left running.
    if (server.exitCode === null) server.kill('SIGINT');
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
  try {
    await waitFor(
      `PostgreSQL to be ready:\n${said}`,
      () => said.includes('ready to accept connections'),
      START_LIMIT_MS,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    async database() {
      const name = `ingot${++databases}`;
      const client = new pg.Client({ connectionString: urlOf('postgres') });
      await client.connect();
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      return urlOf(name);
    },
    [Symbol.asyncDispose]: stop,
  };
}
