import { asTraceEvent } from '#machines/contract/api/trace-resource.ts';
import type { TraceEvent } from '#machines/contract/trace.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import type { Daemon } from '../daemon.ts';
import { badInput } from '../failure.ts';
import { nameOf } from '../machine-names.ts';
import { isoTime } from '../output/time.ts';
import { note, paint, say, type Terminal } from '../terminal.ts';

type LogEvent = Extract<TraceEvent, { kind: 'log' }>;
export const LOG_SOURCES = [
  'console',
  'kernel',
  'agent',
  'ipxe',
  'syslog',
  'json',
] as const satisfies readonly LogEvent['source'][];

export type LogsOptions = {
  readonly follow?: boolean;
  readonly attempt?: string;
  readonly source?: string;
  readonly live?: boolean;
  readonly tail?: string;
};

/** The lines that are kept of a machine's newest boot, whoever wrote them; or its agent's own, from the machine. */
export async function logs(term: Terminal, daemon: Daemon, word: string, options: LogsOptions): Promise<void> {
  const name = await nameOf(daemon, word);
  if (options.live === true) return await systemLog(term, daemon, name, { ...options, of: 'agent' });
  const source = options.source === undefined ? undefined : LOG_SOURCES.find((one) => one === options.source);
  if (options.source !== undefined && source === undefined) {
    throw badInput(`--source: got ${options.source}, want ${LOG_SOURCES.join(' | ')}`);
  }
  const seen = new Map<string, number>();
  const show = (attempt: string, event: TraceEvent): void => {
    if (event.seq <= (seen.get(attempt) ?? 0)) return;
    seen.set(attempt, event.seq);
    if (event.kind !== 'log' || (source !== undefined && event.source !== source)) return;
    const text = escaped(event.text);
    const from = source === undefined ? ` ${event.source.padEnd(7)}` : '';
    say(
      term,
      `${paint(term, 'dim', `${isoTime(event.at) ?? ''}${from}`)} ${event.severity <= 3 ? paint(term, 'red', text) : text}`,
    );
  };
  // First listen, then read what was before: nothing falls between.
  const changes = options.follow === true ? daemon.watch({ kinds: 'trace', machine: name }, term.signal) : undefined;
  let next = changes?.next();
  const id =
    options.attempt ?? (await daemon.ask('listAttempts', { query: { machine: name, limit: 1 } })).value.items[0]?.id;
  if (id !== undefined) {
    const { value } = await daemon.ask('listEvents', { params: { id } });
    for (const event of value.items) show(id, asTraceEvent(event));
  } else if (!changes) {
    // Whoever is not known has not been seen either.
    await daemon.ask('getMachine', { params: { name } });
    note(term, `nothing has been seen of ${name} yet`, `  next: ingot logs ${name} --follow, and turn it on`);
  }
  if (!changes) return;
  for (let change = await next; change && change.done !== true; change = await next) {
    next = changes.next();
    if (change.value.kind === 'trace') show(change.value.attempt, asTraceEvent(change.value.event));
  }
}

/** From the machine itself, by its machine API. */
export async function systemLog(
  term: Terminal,
  daemon: Daemon,
  word: string,
  options: { readonly of: 'kernel' | 'agent'; readonly follow?: boolean; readonly tail?: string },
): Promise<void> {
  const name = await nameOf(daemon, word);
  const tail = options.tail === undefined ? undefined : Number(options.tail);
  if (tail !== undefined && !(Number.isInteger(tail) && tail > 0)) {
    throw badInput(`--tail: got ${options.tail ?? ''}, want a whole number`);
  }
  const query = {
    of: options.of,
    ...(options.follow === true ? { follow: 'true' } : {}),
    ...(tail === undefined ? {} : { tail }),
  };
  const { body } = await daemon.open('readSystemLog', { params: { name }, query }, term.signal);
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const bytes of body) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      say(term, ...lines.map(escaped));
    }
  } catch (error) {
    if (!term.signal.aborted) throw error;
  }
  if (rest !== '') say(term, escaped(rest));
}
