import { setTimeout as sleep } from 'node:timers/promises';
import { VERSION } from '../contract/version.ts';
import type { Agent } from './agent.ts';
import { screenLines, type ScreenSize } from './decide/screen.ts';
import type { Host } from './host.ts';
import { logText } from './log.ts';
import type { Terminal } from './terminal.ts';

/** At most so often; and at least so often, since the kernel writes over it. */
const REDRAW_MS = 250;
const REFRESH_MS = 2000;

/** Draws how it stands, on one terminal, until the signal aborts. */
export async function runScreen(parts: {
  readonly agent: Agent;
  readonly host: Pick<Host, 'uptimeMs'>;
  readonly terminal: Terminal;
  readonly size: ScreenSize;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { agent, host, terminal, size, signal } = parts;
  let changed = Promise.withResolvers<void>();
  const leave = agent.standing.onChange(() => changed.resolve());
  // Cleared once; then every line is written over, so that nothing flickers.
  terminal.write('\x1b[2J\x1b[?25l');
  try {
    while (!signal.aborted) {
      changed = Promise.withResolvers();
      const { journal } = agent.log;
      const { entries } = journal.read(Math.max(0, journal.end() - size.rows));
      const log = entries.map(logText);
      const lines = screenLines(agent.standing.current(), { version: VERSION, uptimeMs: host.uptimeMs(), log, size });
      terminal.write(lines.map((line, index) => `\x1b[${index + 1};1H${line.padEnd(size.columns)}`).join(''));
      const over = new AbortController();
      const refresh = sleep(REFRESH_MS, undefined, { signal: AbortSignal.any([signal, over.signal]) });
      await Promise.race([changed.promise, journal.grown(journal.end(), over.signal), refresh]).catch(() => {});
      over.abort();
      refresh.catch(() => {});
      await sleep(REDRAW_MS, undefined, { signal }).catch(() => {});
    }
  } finally {
    leave();
    terminal.write('\x1b[?25h');
  }
}
