import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '#machines/contract/exit-status.ts';
import { isOver, type Job } from '#machines/contract/job.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import type { Daemon } from '../daemon.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { note, paint, say, type Terminal } from '../terminal.ts';
import { batchEndLines, batchLine } from './batch.ts';

export const POLL_MS = 1000;

/** Shows how it goes until all are over. The exit status is that of the worst. */
export async function waitForJobs(
  term: Terminal,
  daemon: Daemon,
  jobs: readonly Job[],
  output: Format,
): Promise<number> {
  const newest = new Map(jobs.map((one) => [one.id, one]));
  const shown = new Map<string, string>();
  const tell = (job: Job): void => {
    const line = progressLine(job);
    if (output !== 'table' || shown.get(job.id) === line) return;
    shown.set(job.id, line);
    note(term, line);
  };
  for (const one of jobs) tell(one);
  const batch = jobs[0]?.batch;
  let counted = '';
  while ([...newest.values()].some(({ state }) => !isOver(state))) {
    await sleep(POLL_MS, undefined, { signal: term.signal });
    for (const one of await read(daemon, [...newest.values()])) {
      newest.set(one.id, one);
      tell(one);
    }
    const line = batch ? batchLine([...newest.values()]) : '';
    if (output === 'table' && line !== counted) note(term, paint(term, 'dim', line));
    counted = line;
  }
  const ended = [...newest.values()];
  if (output !== 'table') printDocuments(term, output, ended.length === 1 ? ended[0] : ended);
  else {
    for (const one of ended) say(term, ...endLines(term, one));
    if (batch) say(term, ...batchEndLines(term, ended));
  }
  return ended.every(({ state }) => state === 'done') ? EXIT.done : EXIT.failed;
}

/** Those that were not over, as they are now: of a batch by one question. */
async function read(daemon: Daemon, jobs: readonly Job[]): Promise<readonly Job[]> {
  const batch = jobs[0]?.batch;
  const open = new Set(jobs.filter(({ state }) => !isOver(state)).map(({ id }) => id));
  if (batch) {
    const { items } = (await daemon.ask('listJobs', { query: { batch: batch.id, limit: 1000 } })).value;
    return items.filter(({ id }) => open.has(id));
  }
  return await Promise.all([...open].map(async (id) => (await daemon.ask('getJob', { params: { id } })).value));
}

function progressLine({ machine, kind, steps, state }: Job): string {
  const at = steps.findLastIndex((one) => one.state === 'running' || one.state === 'failed');
  const step = steps[at];
  if (!step) return `${escaped(machine)}  ${kind}: ${state}`;
  const part = step.progress === undefined ? '' : `  ${bar(step.progress)}`;
  return `${escaped(machine)}  ${at + 1}/${steps.length} ${step.name}${part}  ${escaped(step.text)}`;
}

const BAR = 20;
function bar(progress: number): string {
  const full = Math.round(progress * BAR);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${String(Math.floor(progress * 100)).padStart(3)} %`;
}

function endLines(term: Terminal, { machine, kind, state, result, id }: Job): readonly string[] {
  const style = state === 'done' ? 'green' : 'red';
  return [
    `${escaped(machine)} ${kind} ${paint(term, style, state)}: ${escaped(result?.because ?? '')}`,
    ...(state === 'done' || result === undefined
      ? []
      : [`  next: ${escaped(result.next)}`, `  all of it: ingot job logs ${id}`]),
  ];
}
