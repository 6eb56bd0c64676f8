import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Asked } from '#machines/contract/api/client.ts';
import { asTraceEvent, type AttemptResource } from '#machines/contract/api/trace-resource.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import type { TraceEvent } from '#machines/contract/trace.ts';
import { eventLine } from '#machines/decide/trace-text.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import type { Daemon } from '../daemon.ts';
import { badInput, CommandFailure } from '../failure.ts';
import { isoTime } from '../output/time.ts';
import { note, paint, say, type Terminal } from '../terminal.ts';
import { codeOf } from '../where.ts';
import { verdictStyle } from './machine-show.ts';

export type TraceOptions = {
  readonly follow?: boolean;
  readonly attempt?: string;
  readonly pcap?: string;
  readonly output: string;
};

/** What happened during a boot, event by event, and the verdict. */
export async function trace(term: Terminal, daemon: Daemon, of: string, options: TraceOptions): Promise<void> {
  if (options.output !== 'text' && options.output !== 'json')
    throw badInput(`-o: got ${options.output}, want text | json`);
  if (options.follow === true) return await follow(term, daemon, of, options.output === 'json');
  const attempt =
    options.attempt === undefined ? await newestAttempt(daemon, of) : await attemptById(daemon, options.attempt);
  if (!attempt) throw await noBoot(daemon, of);
  if (options.pcap !== undefined) return await savePackets(term, daemon, attempt, options.pcap);
  const events = await eventsOf(daemon, attempt.id);
  if (options.output === 'json') return say(term, JSON.stringify({ ...attempt, events }, undefined, 2));
  const print = eventPrinter(term);
  say(term, title(term, attempt));
  for (const event of events) print(attempt.id, event);
  say(term, '', ...verdictLines(term, attempt));
}

/** One JSON line an event with `-o json`; ends when the person has seen enough. */
async function follow(term: Terminal, daemon: Daemon, of: string, json: boolean): Promise<void> {
  const first = await newestAttempt(daemon, of);
  const machine = first?.machine ?? (await nameOrFail(daemon, of));
  const print = eventPrinter(term);
  const seen = new Map<string, number>();
  let shown: string | undefined;
  let verdict: string | undefined;

  const show = (attempt: string, event: TraceEvent): void => {
    if (event.seq <= (seen.get(attempt) ?? 0)) return;
    seen.set(attempt, event.seq);
    if (json) return say(term, JSON.stringify({ attempt, ...event }));
    print(attempt, event);
  };
  const head = (attempt: AttemptResource): void => {
    if (shown !== attempt.id && !json) say(term, title(term, attempt));
    shown = attempt.id;
  };
  const tell = (attempt: AttemptResource): void => {
    const key = `${attempt.id} ${attempt.verdict.code} ${attempt.verdict.cause}`;
    if (key === verdict) return;
    verdict = key;
    if (json) return say(term, JSON.stringify({ attempt: attempt.id, kind: 'verdict', ...attempt.verdict }));
    if (attempt.verdict.code !== 'in-progress') say(term, ...verdictLines(term, attempt));
  };

  // First listen, then read what was before: nothing falls between.
  const changes = daemon.watch({ kinds: 'attempt,trace', machine }, term.signal);
  let next = changes.next();
  if (first) {
    head(first);
    for (const event of await eventsOf(daemon, first.id)) show(first.id, event);
    tell(first);
  } else note(term, `nothing has been seen of ${machine} yet; waiting (Ctrl-C ends)`);
  for (let change = await next; !change.done; change = await next) {
    next = changes.next();
    const { value } = change;
    if (value.kind === 'attempt') {
      head(value.attempt);
      tell(value.attempt);
    } else if (value.kind === 'trace') {
      if (shown !== value.attempt) head(await attemptById(daemon, value.attempt));
      show(value.attempt, asTraceEvent(value.event));
    } else if (value.kind === 'reset') note(term, 'some events were missed: ingot trace shows all');
  }
}

async function eventsOf(daemon: Daemon, id: string): Promise<readonly TraceEvent[]> {
  const { value } = await daemon.ask('listEvents', { params: { id } });
  return value.items.map(asTraceEvent);
}

const attemptById = async (daemon: Daemon, id: string): Promise<AttemptResource> =>
  (await daemon.ask('getAttempt', { params: { id } })).value;

async function newestAttempt(daemon: Daemon, of: string): Promise<AttemptResource | undefined> {
  const mac = parseMacAddress(of);
  const query: Asked<'listAttempts'>['query'] = mac.ok ? { mac: mac.value, limit: 1 } : { machine: of, limit: 1 };
  return (await daemon.ask('listAttempts', { query })).value.items[0];
}

async function nameOrFail(daemon: Daemon, of: string): Promise<string> {
  const { value } = await daemon.ask('explain', { query: { of } });
  return value.machine ?? of;
}

/** "No such machine" and "it has not booted yet" are different answers. */
async function noBoot(daemon: Daemon, of: string): Promise<CommandFailure> {
  const name = await nameOrFail(daemon, of);
  return new CommandFailure(
    EXIT.notFound,
    `nothing has been seen of ${name} yet`,
    `  next: power it on with network boot, and say ingot trace ${name} --follow; if nothing comes, ingot doctor`,
  );
}

async function savePackets(term: Terminal, daemon: Daemon, { id }: AttemptResource, file: string): Promise<void> {
  const { value } = await daemon.ask('getPcap', { params: { id } });
  if (file === '-') return void term.out.write(value);
  try {
    await writeFile(resolve(term.cwd, file), value);
  } catch (error) {
    throw badInput(`--pcap: cannot write ${file} (${codeOf(error) ?? String(error)})`);
  }
  note(term, `${value.length} bytes in ${file}; tshark -r ${file}`);
}

function title(term: Terminal, { machine, mac, id, startedAt, address }: AttemptResource): string {
  const who = [machine, mac, address].filter(Boolean).join('  ');
  return `${paint(term, 'bold', escaped(who))}  ${paint(term, 'dim', `began ${isoTime(startedAt) ?? ''}  attempt ${id}`)}`;
}

/** Times count from the first event of each attempt. */
function eventPrinter(term: Terminal): (attempt: string, event: TraceEvent) => void {
  const starts = new Map<string, number>();
  return (attempt, event) => {
    const start = starts.get(attempt) ?? event.at;
    starts.set(attempt, start);
    const { offset, protocol, text, trouble } = eventLine(event, start);
    say(term, `${paint(term, 'dim', offset)}  ${protocol} ${trouble ? paint(term, 'red', text) : text}`);
  };
}

function verdictLines(term: Terminal, { verdict }: AttemptResource): readonly string[] {
  const { code, stage, cause, next } = verdict;
  const style = verdictStyle(code) ?? 'bold';
  return [
    `${paint(term, ['bold', style], code)}  ${paint(term, 'dim', `at stage ${stage}`)}`,
    `  ${escaped(cause)}`,
    ...(code === 'booted' || next === '' ? [] : [`  next: ${escaped(next)}`]),
  ];
}
