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
 * The commands of the processes of a group that still run.
 *
 * Signal 0 would also find those that have ended and were not collected: in a container whose first process collects
 * nobody, they stay for ever. Where there is no /proc there is no list.
 */
export function runningInGroup(group: number): string[] {
  return readEntries('/proc').flatMap((pid) => {
    const stat = /^\d+ \(.*\) (?<state>\S) \d+ (?<group>\d+)/s.exec(readText(`/proc/${pid}/stat`))?.groups;
    const runs = stat !== undefined && Number(stat['group']) === group && !'ZX'.includes(stat['state'] ?? '');
    return runs ? [commandOf(pid)] : [];
  });
}

/** How a process was called, shortened; Node's processes all have one name otherwise. */
export function commandOf(pid: string): string {
  const command = readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
  return (command === '' ? readText(`/proc/${pid}/comm`).trim() : command).slice(0, 120);
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
