import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { runningInGroup, signalGroup } from './process-group.ts';

export type Outcome = {
  /** Exit status, or undefined when a signal ended it. */
  readonly status: number | undefined;
  readonly timedOut: boolean;
  /** Commands of programs it had started and that were still running when it ended. They were ended too. */
  readonly leftProcesses: readonly string[];
  /** The last part of what it wrote to standard output and error, in order of arrival. */
  readonly output: string;
  readonly durationMs: number;
};

const KEPT_OUTPUT_BYTES = 200_000;
const GRACE_MS = 20_000;

/**
 * Runs a program in a process group of its own until it ends or its time is over.
 *
 * At the limit, and when the signal aborts, the group is asked to end (so that namespaces and guests are put away),
 * and after a grace period it is killed. Nothing of the group outlives the call.
 */
export async function runCommand(options: {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly limitMs: number;
  readonly graceMs?: number;
  readonly signal: AbortSignal;
}): Promise<Outcome> {
  const started = performance.now();
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${options.command}`, { cause: (await once(child, 'error'))[0] });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => keepLast(chunks, chunk));

  const timeout = AbortSignal.timeout(options.limitMs);
  const stop = AbortSignal.any([options.signal, timeout]);
  let killTimer: NodeJS.Timeout | undefined;
  const end = () => {
    signalGroup(pid, 'SIGTERM');
    killTimer = setTimeout(() => signalGroup(pid, 'SIGKILL'), options.graceMs ?? GRACE_MS);
  };
  stop.addEventListener('abort', end, { once: true });
  if (stop.aborted) end();
  try {
    const closed = once(child, 'close');
    const [status] = (await once(child, 'exit')) as [number | null];
    const leftProcesses = stop.aborted ? [] : runningInGroup(pid);
    signalGroup(pid, 'SIGKILL');
    await closed;
    return {
      status: status ?? undefined,
      timedOut: timeout.aborted,
      leftProcesses,
      output: Buffer.concat(chunks).toString('utf8'),
      durationMs: performance.now() - started,
    };
  } finally {
    stop.removeEventListener('abort', end);
    clearTimeout(killTimer);
  }
}

function keepLast(chunks: Buffer[], chunk: Buffer): void {
  chunks.push(chunk);
  let bytes = chunks.reduce((sum, one) => sum + one.length, 0);
  while (chunks.length > 1 && bytes > KEPT_OUTPUT_BYTES) bytes -= chunks.shift()?.length ?? 0;
}
