import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Answer = (output: string) => string | undefined | Promise<string>;
export type ToolRun = { readonly status: number | undefined; readonly output: string };

const LIMIT_MS = 30_000;

/**
 * Runs a program to its end and gives all that it said. `answer` is told what it has said so far and gives what is typed
 * next. Its home is a folder that goes with it: caches of earlier runs are not read. Rejects when it takes too long.
 */
export async function runTool(
  command: readonly [string, ...string[]],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly answer?: Answer;
    /** Default: 30 s. */
    readonly limitMs?: number;
  } = {},
): Promise<ToolRun> {
  const { answer } = options;
  // What is written to a pipe would come in blocks, too late for an answer.
  const unbuffered: typeof command = answer ? ['stdbuf', '-o0', ...command] : command;
  const [program, ...args] = unbuffered;
  const home = await mkdtemp(join(tmpdir(), 'ingot-tool-'));
  try {
    // Proxies and certificate stores of whoever runs the test are not a BMC's.
    const child = spawn(program, args, {
      env: { PATH: process.env['PATH'], HOME: home, LC_ALL: 'C.UTF-8', TZ: 'UTC', ...options.env },
      signal: AbortSignal.timeout(options.limitMs ?? LIMIT_MS),
    });
    let output = '';
    const heard = (chunk: Buffer): void => {
      output += chunk.toString('utf8');
      void typeNext(output);
    };
    const typeNext = async (said: string): Promise<void> => {
      const next = await answer?.(said);
      if (next !== undefined) child.stdin.write(next);
    };
    child.stdout.on('data', heard);
    child.stderr.on('data', heard);
    // It may end before it has read all that was typed.
    child.stdin.on('error', () => {});
    if (!answer) child.stdin.end();
    const [status] = (await once(child, 'close')) as [number | null];
    return { status: status ?? undefined, output };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
