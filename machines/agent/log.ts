import { plainText } from './decide/kernel-log.ts';
import type { Host } from './host.ts';
import { type Journal, openJournal } from './journal.ts';

const LINES = 5000;

export type LogLine = {
  readonly uptimeMs: number;
  /** RFC 5424. */
  readonly severity: number;
  readonly text: string;
};

/** The agent's own log: on the serial console, at the daemon, and by the machine API. */
export type AgentLog = {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  readonly journal: Journal<LogLine>;
};

export function openAgentLog(parts: {
  readonly host: Pick<Host, 'uptimeMs'>;
  /** Where a person reads along. */
  readonly print: (line: LogLine) => void;
}): AgentLog {
  const journal = openJournal<LogLine>(LINES);
  const at = (severity: number) => (text: string) => {
    const line = { uptimeMs: parts.host.uptimeMs(), severity, text: plainText(text) };
    journal.push(line);
    parts.print(line);
  };
  return { info: at(6), warn: at(4), error: at(3), journal };
}

/** `[   12.345] text` */
export const logText = (line: LogLine): string => `[${(line.uptimeMs / 1000).toFixed(3).padStart(9)}] ${line.text}`;
