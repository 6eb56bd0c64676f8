import { text } from 'node:stream/consumers';
import { type Terminal, wantsColour } from './terminal.ts';

/** The terminal, pipe or file that this process was started with. */
export function thisTerminal(signal: AbortSignal): Terminal {
  const { stdout, stderr, stdin, env } = process;
  return {
    out: stdout,
    error: stderr,
    env,
    cwd: process.cwd(),
    interactive: stdin.isTTY && stdout.isTTY,
    colour: wantsColour(env, stdout.isTTY),
    // Asked each time: windows are resized.
    get columns() {
      return stdout.isTTY ? stdout.columns : undefined;
    },
    get rows() {
      return stdout.isTTY ? stdout.rows : undefined;
    },
    signal,
    readInput: () => text(stdin),
    keys: rawKeys,
  };
}

/** A terminal is put into raw mode and back; of a pipe, what comes through it. */
async function* rawKeys(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { stdin } = process;
  if (stdin.isTTY) stdin.setRawMode(true);
  const waiting: Uint8Array[] = [];
  let wake = Promise.withResolvers<void>();
  const tell = (): void => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  let ended = false;
  // Text, where a dashboard has read from it before and set an encoding.
  const onData = (chunk: Uint8Array | string): void => {
    waiting.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    tell();
  };
  const onEnd = (): void => {
    ended = true;
    tell();
  };
  // A dashboard that had the keys before has paused them.
  stdin.on('data', onData).once('end', onEnd).resume();
  if (stdin.isTTY) stdin.ref();
  signal.addEventListener('abort', tell, { once: true });
  try {
    while (!signal.aborted) {
      const next = waiting.shift();
      if (next) yield next;
      else if (ended) return;
      else await wake.promise;
    }
  } finally {
    signal.removeEventListener('abort', tell);
    stdin.off('data', onData).off('end', onEnd).pause();
    if (stdin.isTTY) stdin.setRawMode(false);
  }
}
