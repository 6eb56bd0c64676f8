import { readdirSync, readFileSync } from 'node:fs';

/** Signals every process of a group; false when there is none. */
export function signalGroup(group: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

/**
 * The names of the processes of a group that still run.
 *
 * Signal 0 would also find those that have ended and were not collected: in a container whose first process collects
 * nobody, they stay for ever. Where there is no /proc there is no list.
 */
export function runningInGroup(group: number): string[] {
  return readEntries('/proc').flatMap((pid) => {
    const stat = /^\d+ \((?<name>.*)\) (?<state>\S) \d+ (?<group>\d+)/s.exec(readText(`/proc/${pid}/stat`))?.groups;
    return stat !== undefined && Number(stat['group']) === group && !'ZX'.includes(stat['state'] ?? '')
      ? [stat['name'] ?? '?']
      : [];
  });
}

function readEntries(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
