import { setTimeout as sleep } from 'node:timers/promises';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import type { ClusterDocument } from '#machines/contract/cluster.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import { isOver, type Job, type JobKind, type Plan, type WipeMethod } from '#machines/contract/job.ts';
import { ceremonyFor } from '#machines/decide/jobs/confirm.ts';
import type { PlannedKind } from '#machines/decide/jobs/make-plan.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import { confirm, confirmCount } from '../ask.ts';
import type { Daemon } from '../daemon.ts';
import { badInput, CommandFailure } from '../failure.ts';
import { resolveMachines, type Selection } from '../machine-names.ts';
import { ago } from '../decide/ago.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { type Column, pairs, table } from '../output/table.ts';
import { isoTime } from '../output/time.ts';
import { showListOf } from '../output/watched-list.ts';
import { note, paint, say, type Terminal } from '../terminal.ts';
import { batchOptions, batchText, type BatchOptions } from './batch.ts';
import { POLL_MS, waitForJobs } from './job-wait.ts';
import { planLines } from './plan.ts';

export type JobOptions = Selection &
  BatchOptions & {
    readonly output: Format;
    readonly wait?: boolean;
    readonly plan?: boolean;
    readonly yes?: boolean;
    readonly confirm?: string;
    /** The id of a standing approval. */
    readonly approval?: string;
    readonly profile?: string;
    readonly method?: 'best' | WipeMethod;
    readonly disk?: readonly string[];
    readonly acknowledge?: readonly string[];
    /** upgrade: the release of Talos. */
    readonly to?: string;
    /** reset of members of a cluster. */
    readonly erase?: 'disk' | 'configuration';
    readonly graceful?: boolean;
  };

/** Plans, shows, asks, begins: what a destructive command does. */
export async function planned(
  term: Terminal,
  daemon: Daemon,
  kind: PlannedKind,
  words: readonly string[],
  options: JobOptions,
): Promise<number> {
  const names = await resolveMachines(term, daemon, words, options);
  if (options.approval !== undefined) return await approved(term, daemon, kind, names, options.approval, options);
  return await plannedOf(term, daemon, { kind, names }, options);
}

/** The same for machines that are known by name. `confirmed` is done after a person said yes, before anything begins. */
export async function plannedOf(
  term: Terminal,
  daemon: Daemon,
  asked: {
    readonly kind: PlannedKind;
    readonly names: readonly string[];
    /** The cluster that they are to be of. */
    readonly cluster?: ClusterDocument;
    readonly confirmed?: () => Promise<void>;
  },
  options: JobOptions,
): Promise<number> {
  const { kind, names, cluster } = asked;
  const { profile, method, disk, to, erase, graceful } = options;
  const { value } = await daemon.ask('makePlans', {
    body: {
      kind,
      machines: [...names],
      ...(cluster === undefined ? {} : { cluster }),
      ...(to === undefined ? {} : { to }),
      ...(erase === undefined ? {} : { erase }),
      ...(graceful === false ? { graceful } : {}),
      ...(profile === undefined ? {} : { profile }),
      ...(method === undefined ? {} : { method }),
      ...(disk === undefined || disk.length === 0 ? {} : { disks: [...disk] }),
    },
  });
  const { items: plans, digest } = value;
  const refused = plans.some(({ refusals }) => refusals.length > 0);
  if (options.plan === true) {
    if (options.output !== 'table') printDocuments(term, options.output, value);
    else showPlans(term, plans, digest);
    return refused ? EXIT.refused : EXIT.done;
  }
  if (options.output === 'table' || refused) showPlans({ ...term, out: term.error }, plans, digest);
  if (refused) throw new CommandFailure(EXIT.refused, 'nothing was done: see what stands against it above');
  await makeSure(term, daemon, kind, plans, value, options);
  await asked.confirmed?.();
  const said = new Set(options.acknowledge ?? []);
  const { value: started } = await daemon.ask('startJobs', {
    body: {
      ...batchOptions(options),
      jobs: plans.map((one) => ({
        kind,
        machine: one.machine,
        plan: { id: one.id, digest: one.digest },
        acknowledge: one.acknowledge.map(({ say: word }) => word).filter((word) => said.has(word)),
      })),
    },
  });
  return await begun(term, daemon, started.items, options, value.waitSeconds);
}

/** By what an approver has said before: the daemon makes the plans, and refuses all of them where one is not covered. */
async function approved(
  term: Terminal,
  daemon: Daemon,
  kind: PlannedKind,
  names: readonly string[],
  approval: string,
  options: JobOptions,
): Promise<number> {
  const unfit = (['plan', 'confirm', 'profile', 'method'] as const).find((one) => options[one] !== undefined);
  if (unfit !== undefined) throw badInput(`--approval: the approval says what is done; got --${unfit}, too`);
  const { value } = await daemon.ask('startJobs', {
    body: { ...batchOptions(options), jobs: names.map((machine) => ({ kind, machine, approval })) },
  });
  if (options.output === 'table') {
    for (const { plan } of value.items) if (plan) note(term, ...planLines(term, plan), '');
  }
  const { waitSeconds } = ceremonyFor(value.items.flatMap(({ plan }) => plan ?? []));
  return await begun(term, daemon, value.items, options, waitSeconds);
}

function showPlans(term: Terminal, plans: readonly Plan[], digest: string): void {
  for (const one of plans) say(term, ...planLines(term, one), '');
  if (plans.length > 1) say(term, `all of them: --confirm ${digest}`);
}

/** Safety rule 4: the words that are needed grow with what can go wrong. */
async function makeSure(
  term: Terminal,
  daemon: Daemon,
  kind: PlannedKind,
  plans: readonly Plan[],
  { digest, ceremony, summary }: Pick<PlanAnswer, 'digest' | 'ceremony' | 'summary'>,
  options: JobOptions,
): Promise<void> {
  if (options.confirm !== undefined) {
    if (options.confirm === digest) return;
    throw new CommandFailure(
      EXIT.refused,
      `--confirm: got ${options.confirm.slice(0, 12)}…, the plan is ${digest.slice(0, 12)}…: it is not what was shown then`,
    );
  }
  const what = `${kind} at ${daemon.url}: ${summary}.`;
  if (ceremony === 'yes') return await confirm(term, what, options.yes);
  if (options.yes === true) {
    throw new CommandFailure(
      EXIT.refused,
      'several machines, or a disk that may be shared: --yes is not enough',
      `  next: look at it with --plan, then say --confirm ${digest}`,
    );
  }
  await confirmCount(term, what, plans.length, digest);
}

/** Jobs that need no plan. */
export async function unplanned(
  term: Terminal,
  daemon: Daemon,
  kind: JobKind,
  words: readonly string[],
  options: JobOptions,
): Promise<number> {
  const names = await resolveMachines(term, daemon, words, options);
  const { value } = await daemon.ask('startJobs', {
    body: { ...batchOptions(options), jobs: names.map((machine) => ({ kind, machine })) },
  });
  return await begun(term, daemon, value.items, options, 0);
}

async function begun(
  term: Terminal,
  daemon: Daemon,
  jobs: readonly Job[],
  options: JobOptions,
  waitSeconds: number,
): Promise<number> {
  const [first] = jobs;
  if (first?.batch) note(term, ...batchText(first.batch));
  if (waitSeconds > 0) {
    const all = first?.batch ? `, ingot job cancel --batch ${first.batch.id} all of them` : '';
    note(term, `the first begins in ${waitSeconds} s; ingot job cancel ID calls one off${all}`);
  }
  if (options.wait !== true) {
    if (options.output !== 'table') printDocuments(term, options.output, jobs.length === 1 ? jobs[0] : jobs);
    else
      for (const one of jobs) say(term, `${one.machine} ${one.kind}: job ${one.id}; ingot job logs ${one.id} --follow`);
    return EXIT.done;
  }
  return await waitForJobs(term, daemon, jobs, options.output);
}

const STYLES = { queued: 'dim', running: 'blue', done: 'green', failed: 'red', cancelled: 'yellow' } as const;

const columns = (now: number): readonly Column<Job>[] => [
  { title: 'ID', of: ({ id }) => id },
  { title: 'MACHINE', of: ({ machine }) => machine },
  { title: 'KIND', of: ({ kind }) => kind },
  { title: 'STATE', of: ({ state }) => state, style: ({ state }) => STYLES[state] },
  { title: 'STEP', of: ({ steps }) => steps.findLast(({ state }) => state !== 'waiting')?.name },
  { title: 'AGE', of: ({ createdAt }) => ago(createdAt, now), ages: true },
  { title: 'BY', of: ({ by }) => by },
  { title: 'SAID', of: ({ result, steps }) => result?.because ?? steps.findLast(({ text }) => text !== '')?.text },
];

export async function listJobs(
  term: Terminal,
  daemon: Daemon,
  options: {
    readonly output: Format;
    readonly machine?: string;
    readonly batch?: string;
    readonly limit: number;
    readonly watch?: boolean;
  },
): Promise<void> {
  const { machine, batch, limit } = options;
  const only = { ...(machine === undefined ? {} : { machine }), ...(batch === undefined ? {} : { batch }) };
  await showListOf(
    term,
    daemon,
    {
      read: async () => (await daemon.ask('listJobs', { query: { limit, ...only } })).value.items,
      kinds: ['job'],
      columns,
      nameOf: ({ id }) => id,
      none: ['there are no jobs', '  next: ingot inspect MACHINE, or ingot install MACHINE --plan'],
    },
    options,
  );
}

export async function showJob(term: Terminal, daemon: Daemon, id: string, output: Format): Promise<void> {
  const { value: job } = await daemon.ask('getJob', { params: { id } });
  if (output !== 'table') return printDocuments(term, output, job);
  say(
    term,
    paint(term, 'bold', `${job.kind} ${escaped(job.machine)}`),
    ...pairs(term, [
      ['state', job.state],
      ['asked for by', `${job.by}, ${isoTime(job.createdAt) ?? ''}`],
      ['confirmed by', job.confirmed && `${job.confirmed.by}, ${isoTime(job.confirmed.at) ?? ''}`],
      ['profile', job.profile],
      ['batch', job.batch && `${job.batch.id}, one of ${job.batch.size}; ingot job list --batch ${job.batch.id}`],
      ['result', job.result?.because],
      ['next', job.state === 'done' ? undefined : job.result?.next],
    ]),
    '',
    ...table(term, STEP_COLUMNS, job.steps),
  );
  if (job.plan) say(term, '', ...planLines(term, job.plan));
}

const STEP_COLUMNS: readonly Column<Job['steps'][number]>[] = [
  { title: 'STEP', of: ({ name }) => name },
  { title: 'STATE', of: ({ state }) => state, style: ({ state }) => (state === 'failed' ? 'red' : undefined) },
  { title: 'TRIES', of: ({ tries }) => tries },
  { title: '', of: ({ progress }) => (progress === undefined ? undefined : `${Math.floor(progress * 100)} %`) },
  { title: 'SAID', of: ({ text }) => text },
];

/** What happened, line by line; with `follow` until it is over. */
export async function jobLogs(
  term: Terminal,
  daemon: Daemon,
  id: string,
  { follow, output }: { readonly follow?: boolean; readonly output: string },
): Promise<number> {
  let after = 0;
  for (;;) {
    const { value: job } = await daemon.ask('getJob', { params: { id } });
    const { value } = await daemon.ask('listJobEvents', { params: { id }, query: { after } });
    for (const event of value.items) {
      after = event.seq;
      if (output === 'json') say(term, JSON.stringify({ job: id, ...event }));
      else
        say(
          term,
          `${paint(term, 'dim', isoTime(event.at) ?? '')}  ${(event.step ?? '').padEnd(14)}  ${escaped(event.text)}`,
        );
    }
    if (follow !== true || (isOver(job.state) && value.items.length === 0)) {
      return follow === true && job.state !== 'done' ? EXIT.failed : EXIT.done;
    }
    await sleep(POLL_MS, undefined, { signal: term.signal });
  }
}

export async function cancelJobs(
  term: Terminal,
  daemon: Daemon,
  words: readonly string[],
  { batch }: { readonly batch?: string },
): Promise<void> {
  if ((batch === undefined) === (words.length === 0)) throw badInput('want ids of jobs, or --batch ID');
  const ids = batch === undefined ? words : (await unfinishedOf(daemon, batch)).map(({ id }) => id);
  if (ids.length === 0) note(term, 'all jobs of that batch are over');
  for (const id of ids) {
    const { value } = await daemon.ask('cancelJob', { params: { id } });
    say(term, `${value.machine} ${value.kind}: ${isOver(value.state) ? value.state : 'ends at its next safe point'}`);
  }
}

/** Those that wait first: what is called off in the middle stops the batch by itself, with another reason. */
async function unfinishedOf(daemon: Daemon, batch: string): Promise<readonly Job[]> {
  const { items } = (await daemon.ask('listJobs', { query: { batch, limit: 1000 } })).value;
  if (items.length === 0) throw new CommandFailure(EXIT.notFound, `there is no batch ${batch}`);
  const open = items.filter(({ state }) => !isOver(state));
  return [...open.filter(({ state }) => state === 'queued'), ...open.filter(({ state }) => state === 'running')];
}
