import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

/** Programs of this checkout that the command line starts. They never import each other. */
export const PROGRAMS = {
  daemon: join(ROOT, 'server/main.ts'),
  rack: join(ROOT, 'machines/rack/main.ts'),
} as const;

/**
 * V8 lets the space for young objects grow to 64 MB under load and while the daemon reads what it knows, and never gives
 * it back. At this size a boot storm costs the daemon no more processor time, and a third less memory.
 */
const DAEMON_FLAGS = ['--max-semi-space-size=8'];

/**
 * How a program is started. With the cache of compiled code, which only counts when it is there from the first import on,
 * the daemon listens in half the time. It lies in the checkout: whoever can write there can change the code anyway.
 */
export function commandOf(
  program: keyof typeof PROGRAMS,
  args: readonly string[],
): { readonly file: string; readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv } {
  return {
    file: process.execPath,
    args: [...(program === 'daemon' ? DAEMON_FLAGS : []), PROGRAMS[program], ...args],
    // Each its own: code compiled under other flags does not count.
    env: { ...process.env, NODE_COMPILE_CACHE: join(ROOT, '.cache/compiled', program) },
  };
}

/** A signal that came to us is sent on; these end a program in order. */
const SENT_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs a program in our place: its input, output and exit status are ours. Ends when it ends; signals go to it, and it
 * decides what they mean.
 */
export async function runInPlace(program: keyof typeof PROGRAMS, args: readonly string[]): Promise<number> {
  const command = commandOf(program, args);
  const child = spawn(command.file, command.args, { stdio: 'inherit', env: command.env });
  const sendOn = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of SENT_ON) process.on(signal, sendOn);
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    // As a shell tells it.
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  } finally {
    for (const signal of SENT_ON) process.off(signal, sendOn);
  }
}
