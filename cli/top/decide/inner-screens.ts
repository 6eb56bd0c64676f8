import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { type BootSpan, bootSpans } from '#machines/decide/boot-spans.ts';
import type { TraceEvent } from '#machines/contract/trace.ts';
import { eventLine } from '#machines/decide/trace-text.ts';
import { factText, howItStands, openJobs, powerOf, stepText } from './how-it-stands.ts';
import { POWER_MENU } from './keys.ts';
import { BLANK, cell, type Line, line, piece, wrapped } from './line.ts';
import { verdictTone } from './news.ts';
import type { Overlay, TopState, View } from './state.ts';
import { ago } from '../../decide/ago.ts';
import { clockText, durationText } from './times.ts';

const LABEL = 10;
const pair = (key: string, value: string | undefined): readonly Line[] =>
  value === undefined || value === '' ? [] : [line(cell(` ${key}`, LABEL, 'dim'), piece(value))];

/** One machine: what it is, the verdict on top, how long each part of its boot took, and what was said last. */
export function machineLines(state: TopState, view: Extract<View, { kind: 'machine' }>, room: number): readonly Line[] {
  const lines = allMachineLines(state, view.name);
  return lines.slice(Math.min(view.scroll, Math.max(0, lines.length - room)));
}

/** How far a machine's page can be scrolled. */
export const machineScroll = (state: TopState, name: string): number =>
  Math.max(0, allMachineLines(state, name).length - (state.rows - 2));

function allMachineLines(state: TopState, name: string): readonly Line[] {
  const machine = state.machines.get(name);
  if (!machine) return gone(name);
  return [
    ...title(state, machine),
    ...verdictLines(state, machine),
    ...jobLines(state, machine),
    BLANK,
    ...waterfall(state, machine),
    ...pair('MAC', [...new Set([...machine.macs, ...machine.status.identifiers.macs])].join(' ')),
    ...pair('address', machine.status.attempt?.address ?? machine.address),
    ...pair('profile', machine.profile),
    ...pair('model', [factText(machine, 'manufacturer'), factText(machine, 'product')].filter(Boolean).join(' ')),
    ...pair('arch', [factText(machine, 'firmware'), factText(machine, 'arch')].filter(Boolean).join(' ')),
    ...pair('serial', machine.serial ?? machine.status.identifiers.serials[0]),
    ...pair('BMC', machine.bmc && [machine.bmc.type, 'address' in machine.bmc ? machine.bmc.address : ''].join(' ')),
    ...pair(
      'labels',
      Object.entries(machine.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
    ),
    ...recent(state, machine),
  ];
}

const gone = (name: string): readonly Line[] => [BLANK, line(piece(` ${name} is not known any more`, 'waits'))];

function title({ jobs, now }: TopState, machine: MachineResource): readonly Line[] {
  const how = howItStands(machine, openJobs(jobs.values()).get(machine.name));
  const { site, rack, unit } = machine.location;
  const place = [rack && `rack ${rack}`, unit && `unit ${unit}`, site === 'default' ? undefined : site];
  const power = powerOf(machine);
  const seen = machine.status.lastSeen;
  return [
    line(
      piece(` ${machine.name}`, 'strong'),
      piece(`  ${how.word}`, how.tone),
      piece(`  ${machine.status.standing}${machine.status.locked ? ', locked' : ''}`),
      piece(power === undefined ? '' : `  power ${power}`),
      piece(`  ${place.filter(Boolean).join(', ')}`, 'dim'),
      piece(seen === undefined ? '' : `  seen ${ago(seen, now)} ago`, 'dim'),
    ),
  ];
}

function verdictLines({ columns }: TopState, { status, name }: MachineResource): readonly Line[] {
  const { attempt } = status;
  const indent = (text: string, tone: 'plain' | 'strong'): readonly Line[] =>
    wrapped(text, columns - 4).map((one) => line(piece(`   ${one}`, tone)));
  if (!attempt) {
    return [
      BLANK,
      line(piece(' nothing has been seen of it yet', 'dim')),
      ...indent(`next: power it on (p), or ingot explain ${name}`, 'plain'),
    ];
  }
  const { code, stage, cause, next } = attempt.verdict;
  return [
    BLANK,
    line(piece(` ${code}`, verdictTone(code)), piece(`  at stage ${stage}`, 'dim')),
    ...indent(cause, 'plain'),
    ...(code === 'booted' || next === '' ? [] : indent(`next: ${next}`, 'strong')),
  ];
}

function jobLines({ jobs, columns }: TopState, { name }: MachineResource): readonly Line[] {
  const newest = [...jobs.values()]
    .filter(({ machine }) => machine === name)
    .toSorted((a, b) => b.createdAt - a.createdAt)[0];
  if (!newest) return [];
  const tone = { queued: 'dim', running: 'busy', done: 'good', failed: 'bad', cancelled: 'waits' } as const;
  const said = newest.result?.because ?? stepText(newest);
  return [
    BLANK,
    line(
      piece(` ${newest.kind} `, 'strong'),
      piece(newest.state, tone[newest.state]),
      piece(`  ingot job logs ${newest.id}`, 'dim'),
    ),
    ...wrapped(said, columns - 4).map((one) => line(piece(`   ${one}`))),
    ...(newest.state === 'failed' && newest.result
      ? wrapped(`next: ${newest.result.next}`, columns - 4).map((one) => line(piece(`   ${one}`, 'strong')))
      : []),
  ];
}

/** Each part of the boot as a bar, where and as long as it was. */
function waterfall(state: TopState, { status }: MachineResource): readonly Line[] {
  const { attempt } = status;
  const events = state.trace?.events ?? [];
  if (!attempt || events.length === 0) return [];
  const spans = bootSpans(events);
  const all = Math.max(1, ...spans.map(({ to }) => to));
  const width = Math.max(10, Math.min(60, state.columns - LABEL - 14));
  const took = durationText(all === 1 ? 0 : all);
  return [
    line(
      piece(` boot of ${clockText(attempt.startedAt, state.offsetMs)}`, 'strong'),
      piece(`  ${took}, ${attempt.events} events`, 'dim'),
    ),
    ...spans.map((span) => spanLine(state, span, all, width, verdictTone(attempt.verdict.code))),
    BLANK,
  ];
}

function spanLine(
  { unicode }: TopState,
  { stage, from, to }: BootSpan,
  all: number,
  width: number,
  tone: ReturnType<typeof verdictTone>,
): Line {
  const first = Math.min(width - 1, Math.floor((from / all) * width));
  const length = Math.max(1, Math.min(width - first, Math.round(((to - from) / all) * width)));
  return line(
    cell(`   ${stage}`, LABEL + 1, 'dim'),
    piece(' '.repeat(first)),
    piece((unicode ? '█' : '#').repeat(length), tone === 'waits' ? 'waits' : tone === 'bad' ? 'bad' : 'busy'),
    piece(`${' '.repeat(width - first - length)} ${durationText(to - from)}`, 'dim'),
  );
}

const RECENT = 8;
function recent(state: TopState, { status }: MachineResource): readonly Line[] {
  const events = state.trace?.events ?? [];
  if (!status.attempt || events.length === 0) return [];
  return [
    BLANK,
    line(piece(' newest events', 'strong'), piece('  t shows all', 'dim')),
    ...events.slice(-RECENT).flatMap((event) => eventLines(state, event, events[0]?.at ?? 0)),
  ];
}

/** Before the text: the time since the boot began, and the protocol. */
const MARGIN = 19;

function eventLines({ columns }: TopState, event: TraceEvent, begin: number): readonly Line[] {
  const { offset, protocol, text, trouble } = eventLine(event, begin);
  return wrapped(text, Math.max(20, columns - MARGIN)).map((one, at) =>
    line(cell(at === 0 ? `${offset}  ${protocol}` : '', MARGIN, 'dim'), piece(one, trouble ? 'bad' : 'plain')),
  );
}

/** A boot, event by event; the verdict stays on top. */
export function traceLines(state: TopState, view: Extract<View, { kind: 'trace' }>, room: number): readonly Line[] {
  const machine = state.machines.get(view.name);
  if (!machine) return gone(view.name);
  const events = state.trace?.events ?? [];
  const top = [...title(state, machine), ...verdictLines(state, machine), BLANK].slice(0, Math.max(3, room - 4));
  const height = Math.max(1, room - top.length);
  const end = Math.max(1, events.length - view.scroll);
  const begin = events[0]?.at ?? 0;
  // No more than fit are made into lines: a trace may be thousands of events long.
  const shown = events.slice(Math.max(0, end - height), end).flatMap((event) => eventLines(state, event, begin));
  // Scrolled to its begin, a trace is read from there.
  return [...top, ...(end <= height ? linesFrom(state, events, height) : shown.slice(-height))];
}

const linesFrom = (state: TopState, events: readonly TraceEvent[], height: number): readonly Line[] =>
  events.slice(0, height).flatMap((event) => eventLines(state, event, events[0]?.at ?? 0));

export function powerLines(
  state: TopState,
  { machine, at }: Extract<Overlay, { kind: 'power' }>,
  room: number,
): readonly Line[] {
  const found = state.machines.get(machine);
  const power = found && powerOf(found);
  return [
    BLANK,
    line(piece(` power of ${machine}`, 'strong'), piece(`  ${power ?? 'not known'} now`, 'dim')),
    BLANK,
    ...POWER_MENU.map(({ key, words }, index): Line => {
      const pieces = [piece(index === at ? ' > ' : '   '), cell(key, 4, 'strong'), piece(words)];
      return index === at ? { pieces, chosen: true } : { pieces };
    }),
  ].slice(0, room);
}

const HELP = [
  ['up down, j k', 'another machine; in a trace, scroll'],
  ['page up, page down', 'half a screen'],
  ['g G, home end', 'first, last'],
  ['/', 'show only machines with these words in name, MAC, address, label, verdict'],
  ['enter', 'the machine: verdict, boot timeline, job, what it is'],
  ['t', 'its newest boot, event by event, as it goes on'],
  ['p', 'power: on, off, cycle, reset, boot once from the network'],
  ['a', 'accept: it may netboot what its profile says; no disk is touched'],
  ['c', 'its serial console; ~. at the beginning of a line leaves'],
  ['esc, q', 'back; in the rack, q quits'],
  ['ctrl-c', 'quit'],
] as const;

export function helpLines({ columns }: TopState, room: number): readonly Line[] {
  const key = 20;
  const rows = HELP.flatMap(([keys, does]) =>
    wrapped(does, Math.max(10, columns - key - 2)).map((one, at) =>
      line(cell(at === 0 ? ` ${keys}` : '', key, 'strong'), piece(one)),
    ),
  );
  const spaced = room > rows.length + 6;
  return [
    ...(spaced ? [BLANK] : []),
    ...rows,
    ...(spaced
      ? [
          BLANK,
          line(
            piece(' Colours: ', 'dim'),
            piece('runs ', 'good'),
            piece('works ', 'busy'),
            piece('waits for you ', 'waits'),
            piece('wants to be looked at', 'bad'),
          ),
        ]
      : []),
  ];
}
