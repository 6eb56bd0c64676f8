import type { WatchEvent } from '#machines/contract/api/watch.ts';
import { asTraceEvent } from '#machines/contract/api/trace-resource.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import { showConsole } from '../commands/console.ts';
import { followed } from '../commands/power.ts';
import type { Daemon } from '../daemon.ts';
import { CommandFailure, failureOf } from '../failure.ts';
import { listMachines } from '../machine-names.ts';
import { redraws, type Terminal } from '../terminal.ts';
import { type Dashboard, openDashboard } from './dashboard.ts';
import type { Tone } from './decide/line.ts';
import { reduce } from './decide/reduce.ts';
import { screen } from './decide/screen.ts';
import { type Effect, initialState, type TopEvent } from './decide/state.ts';

const WATCHED = 'machine,attempt,job,grant,document';
/** Changes of so long are shown at once. */
const GATHER_MS = 50;
const CLOCK_MS = 1000;
const NEWEST_JOBS = 100;

/** The dashboard: a state, what happens to it, and the terminal that shows it. Ends when the person quits. */
export async function top(term: Terminal, daemon: Daemon): Promise<number> {
  const over = new AbortController();
  const signal = AbortSignal.any([term.signal, over.signal]);
  const [columns, rows] = sizeOf();
  let state = initialState({
    daemon: daemon.url,
    now: Date.now(),
    offsetMs: -new Date().getTimezoneOffset() * 60_000,
    columns,
    rows,
    unicode: drawsUnicode(term.env),
  });
  let failure: unknown;
  const fail = (error: unknown): void => {
    if (signal.aborted) return;
    failure = error;
    over.abort();
  };

  let dashboard: Dashboard | undefined;
  let drawing: NodeJS.Immediate | undefined;
  const draw = (): void => {
    drawing ??= setImmediate(() => {
      drawing = undefined;
      dashboard?.show(screen(state));
    });
  };
  const send = (event: TopEvent): void => {
    const step = reduce(state, event);
    ({ state } = step);
    draw();
    for (const effect of step.effects) void doIt(effect).catch(fail);
  };
  const say = (text: string, tone: Tone): void => send({ kind: 'said', text, tone });
  const open = (): Dashboard => openDashboard({ colour: term.colour, onEvent: send });

  let follows: AbortController | undefined;
  async function doIt(effect: Effect): Promise<void> {
    switch (effect.kind) {
      case 'quit':
        return over.abort();
      case 'read-all':
        return await readAll();
      case 'accept': {
        const { machine: name } = effect;
        const answer = await daemon.attempt('actOnMachine', { params: { name, action: 'accept' } });
        if ('problem' in answer) return say(oneLine(failureOf(answer.problem, name)), 'bad');
        return say(`${name} accepted: it may netboot what its profile says; no disk is touched by this`, 'good');
      }
      case 'power':
        return await power(effect);
      case 'console':
        return await console(effect.machine);
      case 'follow':
        return await follow(effect.machine, effect.attempt);
      case 'unfollow':
        return follows?.abort();
      default:
        return effect satisfies never;
    }
  }

  async function readAll(): Promise<void> {
    const machines = await listMachines(daemon);
    const { value } = await daemon.ask('listJobs', { query: { limit: NEWEST_JOBS } });
    send({ kind: 'read', machines, jobs: value.items });
  }

  async function watch(): Promise<void> {
    let changes: WatchEvent[] = [];
    let timer: NodeJS.Timeout | undefined;
    const tell = (): void => {
      timer = undefined;
      const gathered = changes;
      changes = [];
      send({ kind: 'changed', changes: gathered });
    };
    const told = (broken: string | undefined): void =>
      send({
        kind: 'connection',
        connection: broken === undefined ? { kind: 'live' } : { kind: 'lost', because: broken },
      });
    try {
      for await (const change of daemon.watch({ kinds: WATCHED }, signal, told)) {
        changes.push(change);
        timer ??= setTimeout(tell, GATHER_MS);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async function follow(machine: string, attempt: string | undefined): Promise<void> {
    follows?.abort();
    const mine = new AbortController();
    follows = mine;
    if (attempt === undefined) return;
    const until = AbortSignal.any([signal, mine.signal]);
    // First listen, then read what was before: nothing falls between.
    const changes = daemon.watch({ kinds: 'trace', machine }, until);
    let next = changes.next();
    const { value } = await daemon.ask('listEvents', { params: { id: attempt } });
    send({ kind: 'traced', machine, attempt, events: value.items.map(asTraceEvent) });
    for (let change = await next; change.done !== true; change = await next) {
      next = changes.next();
      send({ kind: 'changed', changes: [change.value] });
    }
  }

  async function power({ machine: name, action, network }: Extract<Effect, { kind: 'power' }>): Promise<void> {
    const body = network ? { action, boot: { device: 'network' as const } } : { action };
    const answer = await daemon.attempt('setPower', { params: { name }, body });
    if ('problem' in answer) return say(oneLine(failureOf(answer.problem, name)), 'bad');
    say(`${name}: ${answer.value.text}`, 'busy');
    const {
      state: ended,
      text,
      next,
    } = await followed(daemon, answer.value, (doing) => say(`${name}: ${doing}`, 'busy'));
    say(`${name}: ${text}${next === undefined ? '' : `; next: ${next}`}`, ended === 'done' ? 'good' : 'bad');
  }

  /** The machine draws on the person's own screen; ours comes back when that ends. */
  async function console(name: string): Promise<void> {
    const shown = dashboard;
    if (!shown) return;
    dashboard = undefined;
    await shown.close();
    try {
      await showConsole(term, daemon, name, {});
      say(`${name}: console closed`, 'dim');
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      say(oneLine(error), 'bad');
    } finally {
      if (!signal.aborted) dashboard = open();
      draw();
    }
  }

  const onResize = (): void => {
    const [wide, high] = sizeOf();
    send({ kind: 'resized', columns: wide, rows: high });
  };
  // Before the screen is taken: who is not let in reads why where everything else is written.
  await daemon.ask('getStatus');
  const clock = setInterval(() => send({ kind: 'clock', now: Date.now() }), CLOCK_MS);
  process.stdout.on('resize', onResize);
  dashboard = open();
  draw();
  try {
    void watch().catch(fail);
    void readAll().catch(fail);
    await aborted(signal);
  } finally {
    clearInterval(clock);
    clearImmediate(drawing);
    process.stdout.off('resize', onResize);
    follows?.abort();
    await dashboard?.close();
  }
  if (failure !== undefined) throw failure;
  return EXIT.done;
}

/** Not on a pipe, and not where no cursor can be moved. */
export function refuseWithoutTerminal({ interactive, env }: Pick<Terminal, 'interactive' | 'env'>): void {
  if (redraws({ interactive, env })) return;
  throw new CommandFailure(
    EXIT.badInput,
    interactive
      ? 'ingot top: this terminal (TERM=dumb) cannot be drawn on'
      : 'ingot top: want a terminal to draw on, got a pipe or a file',
    '  next: ingot machine list --watch and ingot job list --watch write lines, also into pipes',
  );
}

const oneLine = ({ message }: CommandFailure): string => message.replaceAll(/\n\s*/g, '; ');

const sizeOf = (): readonly [columns: number, rows: number] => [
  process.stdout.columns || 80,
  process.stdout.rows || 24,
];

/** POSIX: the first of the three that is set decides. */
function drawsUnicode(env: Terminal['env']): boolean {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((one) => (one ?? '') !== '');
  return /utf-?8/i.test(locale ?? '');
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}
