import { displayWidth } from '#machines/values/display-width.ts';
import { helpLines, machineLines, powerLines, traceLines } from './inner-screens.ts';
import { howItStands, openJobs, STAND_TONES, STANDS, type Stand, stepText } from './how-it-stands.ts';
import { BLANK, cell, cutLine, type Line, line, type Piece, piece, spread, type Tone } from './line.ts';
import { machineRow, rowShape } from './machine-row.ts';
import { racksOf } from './rows.ts';
import type { TopState } from './state.ts';
import { clockText } from './times.ts';

/** Smaller than this, and nothing can be read. */
export const LEAST = { columns: 40, rows: 10 } as const;

/** The whole screen: exactly as many lines as there are rows, none wider than the columns. */
export function screen(state: TopState): readonly Line[] {
  const { columns, rows } = state;
  if (columns < LEAST.columns || rows < LEAST.rows) {
    return filled([line(piece(`want at least ${LEAST.columns} x ${LEAST.rows}; q quits`))], rows).map((one) =>
      cutLine(one, columns),
    );
  }
  const room = rows - 2;
  const lines = [head(state), ...filled(body(state, room), room), foot(state)].map((one) => cutLine(one, columns));
  return state.unicode ? lines : lines.map(asAscii);
}

/** As many cells as before. */
const asAscii = (one: Line): Line => ({
  ...one,
  pieces: one.pieces.map(({ text, tone }) => ({
    text: text
      .replaceAll('…', '~')
      .replaceAll('’', "'")
      .replaceAll(/[^\x20-\x7e]/gu, (character) => '?'.repeat(displayWidth(character))),
    tone,
  })),
});

function body(state: TopState, room: number): readonly Line[] {
  const { overlay, view } = state;
  if (overlay?.kind === 'help') return helpLines(state, room);
  if (overlay?.kind === 'power') return powerLines(state, overlay, room);
  switch (view.kind) {
    case 'rack':
      return rackLines(state, room);
    case 'machine':
      return machineLines(state, view, room);
    case 'trace':
      return traceLines(state, view, room);
    default:
      return view satisfies never;
  }
}

const filled = (lines: readonly Line[], rows: number): readonly Line[] => [
  ...lines.slice(0, rows),
  ...Array.from({ length: Math.max(0, rows - lines.length) }, () => BLANK),
];

/** Whose rack this is, how its machines stand, and whether what is shown is live. */
function head(state: TopState): Line {
  const open = openJobs(state.jobs.values());
  const counts = new Map<Stand, number>();
  for (const machine of state.machines.values()) {
    const { stand } = howItStands(machine, open.get(machine.name));
    counts.set(stand, (counts.get(stand) ?? 0) + 1);
  }
  const { connection } = state;
  const total = state.machines.size;
  const left = line(
    connection.kind === 'lost' ? piece('NOT LIVE', 'bad') : piece('ingot', 'strong'),
    piece(`  ${total} ${total === 1 ? 'machine' : 'machines'}`),
    ...STANDS.flatMap((stand): readonly Piece[] => {
      const count = counts.get(stand) ?? 0;
      return count === 0 ? [] : [piece(`  ${count} ${stand}`, STAND_TONES[stand])];
    }),
  );
  const clock = clockText(state.now, state.offsetMs);
  const short = { reading: 'reading', live: 'live', lost: 'not live' }[connection.kind];
  const tone: Tone = connection.kind === 'lost' ? 'bad' : connection.kind === 'live' ? 'good' : 'dim';
  const right = [
    [piece(`${state.daemon}  `, 'dim'), piece(short, tone), piece(`  ${clock}`, 'dim')],
    [piece(short, tone), piece(`  ${clock}`, 'dim')],
    [piece(short, tone)],
  ].map((pieces) => spread(left, line(...pieces), state.columns));
  return right.find((one) => one !== left) ?? left;
}

/** What may be pressed now, or what was said last. */
function foot(state: TopState): Line {
  const { overlay, notice, view, connection } = state;
  if (overlay?.kind === 'filter')
    return line(
      piece('/', 'strong'),
      piece(state.filter),
      piece('_', 'dim'),
      piece('   enter keeps it, esc takes it back', 'dim'),
    );
  if (overlay?.kind === 'sure')
    return line(piece(overlay.question, 'waits'), piece('  y: yes, any other key: no', 'strong'));
  if (notice) return line(piece(notice.text, notice.tone));
  if (connection.kind === 'lost')
    return line(piece(`the daemon does not answer (${connection.because}); trying again`, 'bad'));
  if (overlay?.kind === 'help') return keys([['any key', 'back']]);
  if (overlay?.kind === 'power')
    return keys([
      ['enter', 'do it'],
      ['esc', 'back'],
    ]);
  if (view.kind === 'rack') {
    const filter = state.filter === '' ? [] : [piece(`/${state.filter}`, 'waits'), piece(' (esc clears)  ', 'dim')];
    return line(...filter, ...keys(RACK_KEYS).pieces);
  }
  return keys(view.kind === 'machine' ? MACHINE_KEYS : TRACE_KEYS);
}

const RACK_KEYS = [
  ['?', 'help'],
  ['enter', 'machine'],
  ['t', 'trace'],
  ['p', 'power'],
  ['a', 'accept'],
  ['c', 'console'],
  ['/', 'filter'],
  ['q', 'quit'],
] as const;
const MACHINE_KEYS = [
  ['esc', 'back'],
  ['t', 'trace'],
  ['p', 'power'],
  ['a', 'accept'],
  ['c', 'console'],
  ['?', 'help'],
] as const;
const TRACE_KEYS = [
  ['esc', 'back'],
  ['j k', 'scroll'],
  ['g G', 'begin, end'],
  ['p', 'power'],
  ['c', 'console'],
  ['?', 'help'],
] as const;

const keys = (rows: readonly (readonly [key: string, does: string])[]): Line =>
  line(...rows.flatMap(([key, does]) => [piece(key, 'strong'), piece(` ${does}  `, 'dim')]));

const MOST_JOBS = 5;
const LEAST_LOG = 3;

/** The racks above, then jobs as long as there are some, then the log. */
function rackLines(state: TopState, room: number): readonly Line[] {
  const open = openJobs(state.jobs.values());
  const racks = racksOf(state);
  const { lines, at } = racksAsLines(state, racks, open);
  const working = [...open.values()].toSorted((one, other) => one.createdAt - other.createdAt);
  const jobRows = Math.min(working.length, MOST_JOBS, Math.floor(room / 4));
  const jobs = working.length === 0 ? 0 : jobRows + 1;
  // The log takes what the racks leave, a fifth of the screen at least.
  const left = room - jobs;
  const log = Math.max(Math.min(LEAST_LOG + 1, left - 3), Math.floor(left / 5), left - lines.length);
  const rackRoom = left - log;
  return [
    ...windowOf(lines, at, rackRoom),
    ...(jobs === 0 ? [] : [rule(state, working.length > jobRows ? `jobs, ${jobRows} of ${working.length}` : 'jobs')]),
    ...working.slice(0, jobRows).map((job) => jobLine(state, job)),
    ...(log < 2 ? [] : [rule(state, 'log'), ...logLines(state, log - 1)]),
  ];
}

function racksAsLines(
  state: TopState,
  racks: ReturnType<typeof racksOf>,
  open: ReturnType<typeof openJobs>,
): { readonly lines: readonly Line[]; readonly at: number } {
  const shape = rowShape(state, racks);
  const lines: Line[] = [];
  let at = 0;
  for (const { title, machines } of racks) {
    lines.push(rule(state, title));
    for (const machine of machines) {
      const chosen = machine.name === state.selected;
      if (chosen) at = lines.length;
      lines.push(machineRow(state, shape, machine, open.get(machine.name), chosen));
    }
  }
  return { lines: lines.length === 0 ? nothing(state) : lines, at };
}

/** An empty rack says what to do about it. */
function nothing({ connection, filter }: TopState): readonly Line[] {
  if (connection.kind === 'reading') return [BLANK, line(piece('  reading what there is …', 'dim'))];
  if (filter !== '')
    return [BLANK, line(piece(`  no machine has "${filter}" in its name, address, label or verdict`, 'dim'))];
  return [
    BLANK,
    line(piece('  No machine yet.')),
    line(piece('  Power one on with network boot, and it shows up here; or write one down:', 'dim')),
    line(piece('  ingot machine add NAME --mac MAC --profile PROFILE', 'strong')),
  ];
}

/** So many lines around the one at which one looks; what does not fit is counted. */
function windowOf(lines: readonly Line[], at: number, room: number): readonly Line[] {
  if (lines.length <= room) return filled(lines, room);
  const first = Math.max(0, Math.min(at - Math.floor(room / 2), lines.length - room));
  const shown = lines.slice(first, first + room);
  const above = first > 0 ? [more(first + 1, 'above')] : [];
  const below = first + room < lines.length ? [more(lines.length - first - room + 1, 'below')] : [];
  return [...above, ...shown.slice(above.length, room - below.length), ...below];
}

const more = (count: number, where: string): Line => line(piece(`  … ${count} lines ${where}`, 'dim'));

function rule({ columns, unicode }: TopState, title: string): Line {
  const dash = unicode ? '─' : '-';
  const rest = Math.max(0, columns - title.length - 4);
  return line(piece(`${dash}${dash} `, 'dim'), piece(title, 'strong'), piece(` ${dash.repeat(rest)}`, 'dim'));
}

function jobLine(state: TopState, job: Parameters<typeof stepText>[0]): Line {
  const running = job.steps.findIndex(({ state: of }) => of === 'running');
  const at = running < 0 ? 0 : running + 1;
  const progress = job.steps[running]?.progress;
  return line(
    cell(` ${job.machine}`, Math.min(24, Math.floor(state.columns / 4))),
    cell(` ${job.kind}`, 13, 'busy'),
    cell(`${at}/${job.steps.length}`, 6, 'dim'),
    ...(progress === undefined ? [] : [piece(`${bar(state, progress)} `, 'busy')]),
    piece(stepText(job)),
  );
}

const BAR = 16;
function bar({ unicode }: TopState, progress: number): string {
  const full = Math.round(progress * BAR);
  const [done, rest] = unicode ? ['█', '░'] : ['#', '.'];
  return done.repeat(full) + rest.repeat(BAR - full);
}

function logLines(state: TopState, room: number): readonly Line[] {
  const shown = state.news.slice(-room);
  const widest = Math.min(24, Math.max(0, ...shown.map(({ who }) => who.length)));
  return shown.map(({ at, who, text, tone }) =>
    line(piece(` ${clockText(at, state.offsetMs)} `, 'dim'), cell(who, widest + 1), piece(text, tone)),
  );
}
