import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApplyAnswer } from '#machines/contract/api/apply.ts';
import type { DaemonSockets } from '#machines/rack/spec.ts';
import type { Attempt, TraceEvent } from '#machines/contract/trace.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { type Door, openDoor } from '#test/lab/door.ts';
import type { Lab } from '#test/lab/lab.ts';
import { waitFor } from '#test/lab/wait.ts';
import { commandOf } from '../../cli/programs.ts';

const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 20_000;

/** What the daemon says when it really listens. */
export type ReadyLine = Readonly<Record<'api' | 'boot' | 'tftp' | 'dhcp', string>>;

export type Daemon = AsyncDisposable & {
  readonly pid: number;
  /** Holds its configuration and its data; removed with it unless it was given. */
  readonly directory: string;
  readonly ready: ReadyLine;
  /** The admin's. */
  readonly token: string;
  /** From the start of its process to its line, milliseconds. */
  readonly readyMs: number;
  /** Where a rack finds it. */
  readonly sockets: DaemonSockets;
  /** All that it has printed, both streams. */
  output(): string;
  hasEnded(): boolean;
  /** One request to its operator API, with its token. Rejects unless the answer is 2xx. */
  api<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Applies documents; rejects when one of them fails. */
  apply(documents: readonly unknown[]): Promise<ApplyAnswer>;
  /** Newest first. */
  attempts(query: { readonly machine?: string; readonly mac?: string }): Promise<readonly Attempt[]>;
  events(attempt: string): Promise<readonly TraceEvent[]>;
  /** Ends it as an operator would, and waits for that; gives its exit status. */
  stop(): Promise<number | null>;
};

/**
 * The real daemon in a process of its own on free ports of loopback. `config` is added to what that needs; the file is
 * JSON, which is YAML. With `directory`, its data stay for a second start. With `lab`, it runs in the server namespace
 * on the ports that firmware asks, and its operator API is reached through a door.
 */
export async function startDaemon(
  options: {
    readonly config?: Readonly<Record<string, unknown>>;
    readonly directory?: string;
    readonly lab?: Lab | undefined;
    /** Beside that of this process. */
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Daemon> {
  const { lab } = options;
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'ingot-daemon-')));
  const file = join(directory, 'ingot.yaml');
  await writeFile(file, JSON.stringify({ ...(lab ? LAB_CONFIG : LOOPBACK_CONFIG), ...options.config }, undefined, 2));
  const started = performance.now();
  // Not through bin/ingot: figures are measured of this very process.
  const start = commandOf('daemon', ['serve', '--config', file]);
  const command = [start.file, ...start.args];
  const [program = '', ...args] = lab ? ['ip', 'netns', 'exec', lab.namespaces.server, ...command] : command;
  const child = spawn(program, args, {
    cwd: directory,
    env: { ...start.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'close');
  const output = () => said;
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;

  async function stop(): Promise<number | null> {
    if (!hasEnded()) child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await ended;
    clearTimeout(late);
    return child.exitCode;
  }
  let door: Door | undefined;
  async function dispose(): Promise<void> {
    await door?.[Symbol.asyncDispose]();
    await stop();
    if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
  }
  try {
    const inside = await readyLine({ child, output, hasEnded });
    const readyMs = performance.now() - started;
    if (lab) door = await openDoor(lab, Number(new URL(inside.api).port));
    const ready = door ? { ...inside, api: door.url } : inside;
    const token = (await readFile(join(directory, 'data', 'operator.token'), 'utf8')).trim();
    const api = apiClient(ready.api, token);
    return {
      pid: child.pid ?? 0,
      directory,
      ready,
      token,
      readyMs,
      sockets: socketsOf(ready),
      output,
      hasEnded,
      api,
      apply: (documents) => applyAll(api, documents),
      async attempts(query) {
        const { items } = await api<{ items: readonly Attempt[] }>(
          'GET',
          `/api/v1/attempts?${new URLSearchParams(query).toString()}`,
        );
        return items;
      },
      async events(attempt) {
        const { items } = await api<{ items: readonly TraceEvent[] }>('GET', `/api/v1/attempts/${attempt}/events`);
        return items;
      },
      stop,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

const LOOPBACK_CONFIG = {
  dataDir: './data',
  boot: { listen: '127.0.0.1:0' },
  tftp: { listen: '127.0.0.1:0' },
  machine: { listen: '127.0.0.1:0', tls: '127.0.0.1:0' },
  api: { listen: '127.0.0.1:0' },
  dhcp: { relayListen: ['127.0.0.1:0'] },
  log: { level: 'info' },
};

const LAB_CONFIG = {
  dataDir: './data',
  boot: { listen: '0.0.0.0:8080' },
  tftp: { listen: '0.0.0.0:69' },
  machine: { listen: '0.0.0.0:8081', tls: '0.0.0.0:8443' },
  api: { listen: '127.0.0.1:0' },
  log: { level: 'debug' },
};

async function readyLine(daemon: {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly hasEnded: () => boolean;
}): Promise<ReadyLine> {
  const line = await waitFor(
    'the line "ready"',
    () => {
      if (daemon.hasEnded()) throw new Error(`the daemon ended:\n${daemon.output()}`);
      return /^ready .*$/m.exec(daemon.output())?.[0];
    },
    READY_LIMIT_MS,
  ).catch((cause: unknown) => {
    throw new Error(`the daemon did not start:\n${daemon.output()}`, { cause });
  });
  const at = (name: string) => new RegExp(` ${name}=(\\S+)`).exec(line)?.[1] ?? '';
  return { api: at('api'), boot: at('boot'), tftp: at('tftp'), dhcp: at('dhcp') };
}

function socketsOf({ tftp, dhcp }: ReadyLine): DaemonSockets {
  const [address = '', port = ''] = dhcp.split(',')[0]?.split(':') ?? [];
  return {
    dhcp: { address: sure(parseIpv4(address)), port: Number(port) },
    tftpPort: Number(tftp.split(':').at(-1)),
  };
}

function apiClient(base: string, token: string): Daemon['api'] {
  return async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await fetch(new URL(path, base), {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
}

async function applyAll(api: Daemon['api'], documents: readonly unknown[]): Promise<ApplyAnswer> {
  const answer = await api<ApplyAnswer>('POST', '/api/v1/apply', { documents });
  const failed = answer.changes.filter(({ change }) => change === 'failed');
  if (failed.length > 0) throw new Error(`could not apply: ${JSON.stringify(failed)}`);
  return answer;
}
