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
    columns: stdout.isTTY ? stdout.columns : undefined,
    signal,
    readInput: () => text(stdin),
  };
}
