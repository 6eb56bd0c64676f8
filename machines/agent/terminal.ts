import { constants, type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ScreenSize } from './decide/screen.ts';
import type { Host } from './host.ts';
import { readText } from './read-text.ts';

/** Nobody reads a terminal that has so many lines waiting. */
const WAITING = 500;
const RETRY_MS = 50;
/** A line that is full for that long has nobody at its other end. */
const PATIENCE_MS = 2000;
/** For what is still waiting when it is closed. */
const FAREWELL_MS = 500;

/**
 * A terminal that is written to and never waited for: a serial line without a listener, or a console that somebody has
 * stopped with Ctrl-S, must not stop the agent. What does not go out is lost.
 */
export type Terminal = AsyncDisposable & { write(text: string): void };

/** Undefined where there is no such terminal. */
export async function openTerminal(path: string): Promise<Terminal | undefined> {
  const flags = constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK;
  const file = await open(path, flags).catch(() => undefined);
  if (!file) return undefined;
  const waiting: string[] = [];
  const stop = new AbortController();
  let writing: Promise<void> | undefined;
  async function drain(): Promise<void> {
    for (let text = waiting.shift(); text !== undefined && !stop.signal.aborted; text = waiting.shift()) {
      await writeAll(file as FileHandle, Buffer.from(text), stop.signal).catch(() => {});
    }
    writing = undefined;
  }
  return {
    write(text) {
      if (waiting.length < WAITING) waiting.push(text);
      writing ??= drain();
    },
    async [Symbol.asyncDispose]() {
      const late = setTimeout(() => stop.abort(), FAREWELL_MS);
      await writing;
      clearTimeout(late);
      await file.close();
    },
  };
}

/** Those that there are, by their paths. */
export async function openTerminals(
  paths: readonly string[],
): Promise<AsyncDisposable & { at(path: string): Terminal | undefined }> {
  const open = new Map<string, Terminal>();
  for (const path of paths) {
    const terminal = await openTerminal(path);
    if (terminal) open.set(path, terminal);
  }
  return {
    at: (path) => open.get(path),
    async [Symbol.asyncDispose]() {
      for (const terminal of open.values()) await terminal[Symbol.asyncDispose]();
    },
  };
}

async function writeAll(file: FileHandle, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  let rest = bytes;
  for (let waited = 0; rest.length > 0 && waited < PATIENCE_MS; ) {
    try {
      const { bytesWritten } = await file.write(rest);
      rest = rest.subarray(bytesWritten);
      waited = 0;
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'EAGAIN')) throw cause;
      await sleep(RETRY_MS, undefined, { signal });
      waited += RETRY_MS;
    }
  }
}

/**
 * The terminals of this machine that a person may look at: those that the image's init has found to take a line
 * (`/dev/tty1 /dev/ttyS0`), or else the first screen and what the kernel writes to.
 */
export async function terminalsOf(
  host: Pick<Host, 'root'>,
  found: string | undefined,
): Promise<{ readonly screens: readonly string[]; readonly lines: readonly string[] }> {
  const active = (await readText(host, '/sys/class/tty/console/active')) ?? 'console';
  const names = found ? found.split(/\s+/) : ['tty1', ...active.split(/\s+/)].map((name) => `/dev/${name}`);
  const devices = [...new Set(names)].filter((name) => /^\/dev\/[A-Za-z]\w*$/.test(name) && name !== '/dev/tty0');
  const isScreen = (name: string) => /^\/dev\/tty\d+$/.test(name);
  return { screens: devices.filter(isScreen), lines: devices.filter((name) => !isScreen(name)) };
}

/** As the kernel has it; the smallest that there is where it does not say. */
export async function sizeOf(host: Host, path: string): Promise<ScreenSize> {
  const { stdout } = await host.run('busybox', ['stty', '-F', path, 'size']);
  const [, rows, columns] = /^(\d+) (\d+)/.exec(stdout) ?? [];
  return { rows: Number(rows) || 25, columns: Number(columns) || 80 };
}
