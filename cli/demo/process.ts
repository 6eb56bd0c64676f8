import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { commandOf, type PROGRAMS } from '../programs.ts';

/** A program of this checkout in a process of its own. */
export type Part = {
  /** What it printed, both streams; of much of it the end. */
  output(): string;
  /** Its exit status; never rejects. */
  readonly ended: Promise<number>;
  /** The first line that is wanted, or nothing once it has ended without one. */
  firstLine(wanted: (line: string) => boolean): Promise<string | undefined>;
  /** Asks it to end, insists after a while, and waits. */
  stop(): Promise<number>;
};

/** Whoever does not end within so long after SIGTERM is ended. */
const PATIENCE_MS = 10_000;
const KEPT_OUTPUT = 1 << 20;

/** Starts a program. `onLine` gets each line that it prints; `logFile` gets all of it. */
export function startPart(options: {
  readonly program: keyof typeof PROGRAMS;
  readonly args: readonly string[];
  readonly onLine?: (line: string) => void;
  readonly logFile?: string;
}): Part {
  const { program, args, onLine, logFile } = options;
  const command = commandOf(program, args);
  const child = spawn(command.file, command.args, { stdio: ['ignore', 'pipe', 'pipe'], env: command.env });
  const watchers = new Set<(line: string) => void>(onLine ? [onLine] : []);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      said = (said + chunk).slice(-KEPT_OUTPUT);
      if (logFile !== undefined) appendFileSync(logFile, chunk);
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) for (const watcher of watchers) watcher(line);
    });
  }
  const ended = endOf(child);
  return {
    output: () => said,
    ended,
    async firstLine(wanted) {
      const { promise, resolve } = Promise.withResolvers<string | undefined>();
      const watcher = (line: string) => {
        if (wanted(line)) resolve(line);
      };
      said.split('\n').slice(0, -1).forEach(watcher);
      watchers.add(watcher);
      void ended.then(() => resolve(undefined));
      try {
        return await promise;
      } finally {
        watchers.delete(watcher);
      }
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
      try {
        return await ended;
      } finally {
        clearTimeout(late);
      }
    },
  };
}

async function endOf(child: ChildProcess): Promise<number> {
  try {
    await once(child, 'close');
    return child.exitCode ?? 1;
  } catch {
    return 1;
  }
}
