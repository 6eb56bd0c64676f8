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

/** A signal that came to us is sent on; these end a program in order. */
const SENT_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs a program in our place: its input, output and exit status are ours. Ends when it ends; signals go to it, and it
 * decides what they mean.
 */
export async function runInPlace(program: keyof typeof PROGRAMS, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [PROGRAMS[program], ...args], { stdio: 'inherit' });
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
