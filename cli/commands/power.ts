import type { PowerOperation, PowerReading } from '#machines/contract/api/bmc-resource.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import { type BootDevice, BOOT_DEVICES, type PowerAction } from '#machines/contract/power.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import type { Daemon } from '../daemon.ts';
import { badInput, failureOf } from '../failure.ts';
import { resolveMachines, type Selection } from '../machine-names.ts';
import { ago } from '../decide/ago.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { type Column, table } from '../output/table.ts';
import { showListOf } from '../output/watched-list.ts';
import { note, paint, say, type Terminal } from '../terminal.ts';
import { askToInterrupt, INTERRUPTIONS } from './power-question.ts';

export type PowerOptions = Selection & {
  readonly output: Format;
  readonly force?: boolean;
  readonly boot?: string;
  readonly unproven?: boolean;
  readonly yes?: boolean;
};

/** So many machines are waited for at once; the daemon has its own cap towards BMCs. */
const AT_ONCE = 16;

/** Does one thing to the power of each machine and waits until it is proven; what fails for one stops none of the others. */
export async function power(
  term: Terminal,
  daemon: Daemon,
  action: PowerAction,
  words: readonly string[],
  options: PowerOptions,
): Promise<number> {
  const boot = bootOf(options.boot, action);
  const wanted = action === 'off' && options.force === true ? 'force-off' : action;
  const names = await resolveMachines(term, daemon, words, options);
  const interruption = INTERRUPTIONS[wanted];
  if (interruption) await askToInterrupt(term, daemon, interruption, names, { ...options, words });
  const show = progress(term, names.length, options.output);
  const ended: PowerOperation[] = [];
  let status: number = EXIT.done;
  const failed = (one: number): void => {
    if (status === EXIT.done) status = one;
  };
  await eachOf(names, AT_ONCE, async (name) => {
    const answer = await daemon.attempt('setPower', {
      params: { name },
      body: {
        action: wanted,
        ...(boot ? { boot: { device: boot } } : {}),
        ...(options.force === true ? { force: true } : {}),
        ...(options.unproven === true ? { unproven: true } : {}),
      },
    });
    if ('problem' in answer) {
      const failure = failureOf(answer.problem);
      show.said(name, failure.message, 'red');
      return failed(failure.status);
    }
    const operation = await followed(daemon, answer.value, (text) => show.doing(name, text));
    ended.push(operation);
    show.ended(name, operation);
    if (operation.state === 'failed') failed(EXIT.failed);
  });
  if (options.output !== 'table') printAll(term, options.output, inOrder(names, ended));
  return status;
}

/** A power action until it is over; `doing` hears each thing that is said meanwhile. */
export async function followed(
  daemon: Daemon,
  begun: PowerOperation,
  doing: (text: string) => void,
): Promise<PowerOperation> {
  let operation = begun;
  while (operation.state === 'running') {
    const { value } = await daemon.ask('getPowerOperation', {
      params: { id: operation.id },
      query: { seen: operation.seq },
    });
    if (value.seq !== operation.seq && value.state === 'running') doing(value.text);
    operation = value;
  }
  return operation;
}

/** What is being done goes to standard error, what came of it to standard output. */
function progress(term: Terminal, of: number, output: Format) {
  let over = 0;
  const head = (name: string, isOver: boolean): string => {
    if (of === 1) return name;
    if (isOver) over += 1;
    return `${paint(term, 'dim', `${String(over).padStart(String(of).length)}/${of}`)}  ${name}`;
  };
  return {
    doing: (name: string, text: string): void =>
      note(term, `${head(name, false)}: ${paint(term, 'dim', escaped(text))}`),
    said: (name: string, text: string, style: 'red'): void =>
      note(term, `${head(name, true)}: ${paint(term, style, text)}`),
    ended(name: string, { state, text, next }: PowerOperation): void {
      const line = `${head(name, true)}: ${paint(term, state === 'done' ? 'green' : 'red', escaped(text))}`;
      if (state === 'done') return output === 'table' ? say(term, line) : note(term, line);
      note(term, line);
      if (next !== undefined) note(term, `  next: ${escaped(next)}`);
    },
  };
}

/** Asked of the BMCs now; of many machines at once, as the daemon read it last, unless `--fresh`. */
export async function powerStatus(
  term: Terminal,
  daemon: Daemon,
  words: readonly string[],
  options: Selection & { readonly output: Format },
): Promise<number> {
  const everything = words.length === 0 && options.selector === undefined && options.fact === undefined;
  if (everything) {
    const { value } = await daemon.ask('listPower');
    if (value.items.length === 0)
      note(term, 'no machine has a BMC yet', '  next: ingot bmc set MACHINE --type redfish --address https://ADDRESS');
    showReadings(term, value.items, options.output);
    return EXIT.done;
  }
  const names = await resolveMachines(term, daemon, words, options);
  const readings: PowerReading[] = [];
  let status: number = EXIT.done;
  await eachOf(names, AT_ONCE, async (name) => {
    const answer = await daemon.attempt('getPower', { params: { name } });
    if (!('problem' in answer)) {
      readings.push(answer.value);
      return;
    }
    const failure = failureOf(answer.problem);
    note(term, `${name}: ${failure.message}`);
    if (status === EXIT.done) ({ status } = failure);
  });
  showReadings(term, inOrder(names, readings), options.output);
  return status;
}

function showReadings(term: Terminal, readings: readonly PowerReading[], output: Format): void {
  if (output !== 'table') return printAll(term, output, readings);
  if (readings.length > 0) say(term, ...table(term, readingColumns(Date.now()), readings));
}

const readingColumns = (now: number): readonly Column<PowerReading>[] => [
  { title: 'NAME', of: ({ machine }) => machine },
  {
    title: 'POWER',
    of: ({ power: state }) => state,
    style: ({ power: state }) => (state === 'on' ? 'green' : state === 'unknown' ? 'yellow' : undefined),
  },
  { title: 'HEALTH', of: ({ health }) => health, style: ({ health }) => (health === 'critical' ? 'red' : undefined) },
  { title: 'WATTS', of: ({ powerWatts }) => powerWatts },
  { title: 'BOOT', of: ({ bootProgress }) => bootProgress },
  { title: 'READ', of: ({ at }) => (at === 0 ? 'never' : ago(at, now)), ages: true },
  { title: 'TROUBLE', of: ({ error }) => error && `${error.code}: ${error.because}` },
];

/** As they are read by the daemon, of these machines or of all. */
export async function watchPower(
  term: Terminal,
  daemon: Daemon,
  words: readonly string[],
  options: Selection & { readonly output: Format },
): Promise<void> {
  const everything = words.length === 0 && options.selector === undefined && options.fact === undefined;
  const names = everything ? undefined : new Set(await resolveMachines(term, daemon, words, options));
  await showListOf(
    term,
    daemon,
    {
      read: async () =>
        (await daemon.ask('listPower')).value.items.filter(({ machine }) => names === undefined || names.has(machine)),
      kinds: ['machine'],
      columns: readingColumns,
      nameOf: ({ machine }) => machine,
      none: ['no machine has a BMC yet', '  next: ingot bmc set MACHINE --type redfish --address https://ADDRESS'],
    },
    { output: options.output, watch: true },
  );
}

/** What a person did at a machine, because nothing else could. Without names: what is waited for. */
export async function confirmByHand(
  term: Terminal,
  daemon: Daemon,
  words: readonly string[],
  options: Selection & { readonly refused?: boolean; readonly output: Format },
): Promise<number> {
  if (words.length === 0 && options.selector === undefined && options.fact === undefined) {
    const { value } = await daemon.ask('listPersonAsks');
    if (options.output !== 'table') {
      printDocuments(term, options.output, value.items);
      return EXIT.done;
    }
    if (value.items.length === 0) note(term, 'nobody is asked to do anything');
    else
      say(
        term,
        ...table(
          term,
          [
            { title: 'NAME', of: ({ machine }) => machine },
            {
              title: 'WANTED',
              of: ({ wanted, boot }) => [`power ${wanted}`, boot && `boot ${boot.device}`].filter(Boolean).join(', '),
            },
            { title: 'SINCE', of: ({ askedAt }) => ago(askedAt, Date.now()) },
          ],
          value.items,
        ),
      );
    return EXIT.done;
  }
  const did = options.refused !== true;
  const names = await resolveMachines(term, daemon, words, options);
  let status: number = EXIT.done;
  for (const name of names) {
    const answer = await daemon.attempt('answerPersonAsk', { params: { name }, body: { did } });
    if ('problem' in answer) {
      const failure = failureOf(answer.problem);
      note(term, `${name}: ${failure.message}`);
      if (status === EXIT.done) ({ status } = failure);
    } else say(term, `${name}: power ${answer.value.wanted} ${did ? 'done' : 'not done'}`);
  }
  return status;
}

function bootOf(text: string | undefined, action: PowerAction): BootDevice | undefined {
  if (text === undefined) return undefined;
  const found = BOOT_DEVICES.find((one) => one === text);
  if (!found) throw badInput(`--boot: got ${text}, want ${BOOT_DEVICES.join(' | ')}`);
  if (action === 'off' || action === 'soft') throw badInput(`--boot: a machine that is turned off boots nothing`);
  return found;
}

function printAll(term: Terminal, output: Format, items: readonly unknown[]): void {
  if (output !== 'table') printDocuments(term, output, items.length === 1 ? items[0] : items);
}

const inOrder = <T extends { readonly machine: string }>(names: readonly string[], items: readonly T[]): readonly T[] =>
  items.toSorted((a, b) => names.indexOf(a.machine) - names.indexOf(b.machine));

async function eachOf<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: Math.min(atOnce, items.length) }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}
