import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readLog, waitFor } from './wait.ts';

/** A program that runs in the lab. What it writes to standard output and error goes to one file. */
export type Program = {
  readonly name: string;
  readonly pid: number;
  /** Settles when it has ended; never rejects. */
  readonly ended: Promise<Ended>;
  readonly hasEnded: () => boolean;
  readonly output: () => string;
  /** Waits until its output matches; throws, with the output, when it ends or the time (ms) is over before. */
  waitForOutput(pattern: RegExp, limitMs: number): Promise<RegExpExecArray>;
  signal(signal: NodeJS.Signals): void;
  /** Asks it to end, kills it if it does not, and waits. */
  stop(): Promise<Ended>;
};

export type Ended = { readonly status: number | undefined; readonly signal: NodeJS.Signals | undefined };

const GRACE_MS = 5000;

/** Starts a program; whoever starts it stops it. */
export function startProgram(options: {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly logFile: string;
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly cwd?: string | undefined;
}): Program {
  const [file, ...args] = options.command;
  const log = openSync(options.logFile, 'w');
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const { promise: ended, resolve } = Promise.withResolvers<Ended>();
  child.once('exit', (status, signal) => resolve({ status: status ?? undefined, signal: signal ?? undefined }));
  child.once('error', () => resolve({ status: undefined, signal: undefined }));
  const hasEnded = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  const output = () => readLog(options.logFile);

  return {
    name: options.name,
    pid: child.pid ?? 0,
    ended,
    hasEnded,
    output,
    async waitForOutput(pattern, limitMs) {
      try {
        return await waitFor(`${options.name} to say ${pattern}`, () => look(pattern), limitMs);
      } catch (cause) {
        throw new Error(`${options.name} did not say ${pattern}; it said:\n${output()}`, { cause });
      }
    },
    signal: (signal) => void child.kill(signal),
    async stop() {
      child.kill('SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      const end = await ended;
      clearTimeout(kill);
      return end;
    },
  };

  function look(pattern: RegExp): RegExpExecArray | undefined {
    // Asked before reading, so that its last words count.
    const over = hasEnded();
    const match = pattern.exec(output());
    if (match === null && over) throw new Error(`${options.name} ended`);
    return match ?? undefined;
  }
}
