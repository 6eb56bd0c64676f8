import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { findUnpacked } from '#test/lab/cache.ts';
import { waitFor } from '#test/lab/wait.ts';
import type { BenchRow } from './row.ts';

const run = promisify(execFile);

type Case = {
  readonly what: string;
  readonly fileBytes: number;
  /** The boot plane's bound for shared memory. */
  readonly memoryBytes: number;
  readonly connections: number;
  readonly atLeast: number;
};

const MIB = 1 << 20;
const CASES: readonly Case[] = [
  {
    what: 'HTTP image of 100 MiB from shared memory, 1 connection',
    fileBytes: 100 * MIB,
    memoryBytes: 256 * MIB,
    connections: 1,
    atLeast: 1,
  },
  {
    what: 'HTTP image of 100 MiB from shared memory, 16 connections',
    fileBytes: 100 * MIB,
    memoryBytes: 256 * MIB,
    connections: 16,
    atLeast: 1,
  },
  {
    what: 'HTTP image of 1000 MiB with 64 MiB of shared memory, 16 connections',
    fileBytes: 1000 * MIB,
    memoryBytes: 64 * MIB,
    connections: 16,
    atLeast: 0.7,
  },
];

const SECONDS = 5;
const TURNS = 3;

/**
 * The boot plane beside nginx (sendfile, one worker), the same file on loopback, turn by turn, with `wrk -t1`; each
 * figure is the median of its turns. Rejects when wrk is missing; without nginx the rows have no peer.
 */
export async function benchHttp(): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  const nginx = findUnpacked('nginx', 'usr/sbin/nginx');
  for (const one of CASES) {
    await using ours = await startOurs(one);
    await using peer = nginx === undefined ? undefined : await startNginx(nginx, ours.directory);
    const urls = [ours.url, ...(peer ? [peer.url] : [])];
    // Each once before the clock counts: page cache, our memory, V8's compilers.
    for (const url of urls) await wrk(url, one.connections);
    const figures = urls.map(() => [] as number[]);
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [index, url] of urls.entries()) figures[index]?.push(await wrk(url, one.connections));
    }
    const [mine = 0, other] = figures.map(median);
    rows.push({
      what: one.what,
      ours: mine,
      peer: other,
      peerName: 'nginx',
      unit: 'MB/s',
      ratio: other === undefined ? undefined : mine / other,
      target: { kind: 'ratio', atLeast: one.atLeast },
      note: other === undefined ? 'nginx is not unpacked: npm test does it' : undefined,
    });
  }
  return rows;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

async function startOurs({ fileBytes, memoryBytes }: Case) {
  const script = join(import.meta.dirname, 'http-server.ts');
  const child = spawn(process.execPath, [script, String(fileBytes), String(memoryBytes)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const [url = '', directory = ''] = line.split(' ');
  return {
    url,
    directory,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}

async function startNginx(program: string, root: string) {
  const prefix = await mkdtemp(join(tmpdir(), 'ingot-bench-nginx-'));
  // nginx cannot choose a port by itself: this one was free a moment ago.
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${prefix}/${kind};`)
    .join(' ');
  const config = `daemon off; master_process off; worker_processes 1; pid ${prefix}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; ${temporary}
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`;
  await writeFile(join(prefix, 'nginx.conf'), config);
  const child = spawn(program, ['-p', prefix, '-c', join(prefix, 'nginx.conf'), '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  const url = `http://127.0.0.1:${port}/initrd.zst`;
  const answers = () =>
    fetch(url, { method: 'HEAD' }).then(
      ({ ok }) => ok,
      () => false,
    );
  await waitFor('nginx to answer', answers, 10_000);
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
      await rm(prefix, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

const UNITS: Readonly<Record<string, number>> = { KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 };

/** Megabytes (10⁶) of body per second. */
async function wrk(url: string, connections: number): Promise<number> {
  const { stdout } = await run('wrk', ['-t1', `-c${connections}`, `-d${SECONDS}s`, '--timeout', '30s', url]);
  const [, value, unit = ''] = /Transfer\/sec:\s+([\d.]+)([KMG]B)/.exec(stdout) ?? [];
  if (value === undefined || /Socket errors|Non-2xx/.test(stdout)) throw new Error(`wrk could not measure:\n${stdout}`);
  return (Number(value) * (UNITS[unit] ?? Number.NaN)) / 1e6;
}

if (import.meta.main) {
  const { formatRows } = await import('./row.ts');
  console.log(formatRows(await benchHttp()));
}
