import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { asTraceEvent, type AttemptResource } from '#machines/contract/api/trace-resource.ts';
import type { WatchEvent } from '#machines/contract/api/watch.ts';
import { isOver, type Job } from '#machines/contract/job.ts';
import type { TraceEvent } from '#machines/contract/trace.ts';
import { machineScroll } from './inner-screens.ts';
import { afterKey, afterTyped } from './keys.ts';
import { attemptNews, jobNews, machineNews } from './news.ts';
import { namesOf, racksOf } from './rows.ts';
import type { Effect, News, Step, TopEvent, TopState } from './state.ts';

const MAX_NEWS = 500;
const MAX_JOBS = 200;
/** As many as a boot has at most, and a little more: the daemon bounds them as well. */
const MAX_TRACE = 5000;
const NOTICE_MS = 8000;
/** What the log begins with: how the newest boots ended. */
const FIRST_NEWS = 20;

/** The dashboard after something happened, and what is to be done about it. */
export function reduce(state: TopState, event: TopEvent): Step {
  const step = reduced(state, event);
  return withTrace(state, { ...step, state: withScroll(withSelection(step.state)) });
}

function reduced(state: TopState, event: TopEvent): Step {
  switch (event.kind) {
    case 'read':
      return only(afterRead(state, event.machines, event.jobs));
    case 'changed':
      return {
        state: event.changes.reduce(afterChange, state),
        effects: event.changes.some(({ kind }) => kind === 'reset') ? [{ kind: 'read-all' }] : [],
      };
    case 'connection':
      return only({ ...state, connection: event.connection });
    case 'traced':
      return only(afterTraced(state, event.machine, event.attempt, event.events));
    case 'said':
      return only({ ...state, notice: { text: event.text, tone: event.tone, until: state.now + NOTICE_MS } });
    case 'resized':
      return only({ ...state, columns: event.columns, rows: event.rows });
    case 'clock':
      return only({
        ...state,
        now: event.now,
        notice: state.notice && state.notice.until > event.now ? state.notice : undefined,
      });
    case 'key':
      return afterKey(state, event.key);
    case 'typed':
      return afterTyped(state, event.text);
    default:
      return event satisfies never;
  }
}

const only = (state: TopState): Step => ({ state, effects: [] });

function afterRead(state: TopState, machines: readonly MachineResource[], jobs: readonly Job[]): TopState {
  const attempts = machines.flatMap(({ status }) => (status.attempt ? [status.attempt] : []));
  const first = state.news.length === 0 ? attempts.flatMap((one) => attemptNews(undefined, one)) : [];
  return {
    ...state,
    machines: new Map(machines.map((one) => [one.name, one])),
    jobs: bounded(new Map(jobs.map((one) => [one.id, one]))),
    news: first.length === 0 ? state.news : first.toSorted((one, other) => one.at - other.at).slice(-FIRST_NEWS),
    connection: { kind: 'live' },
  };
}

function afterChange(state: TopState, change: WatchEvent): TopState {
  switch (change.kind) {
    case 'machine': {
      const { name, machine } = change;
      const before = state.machines.get(name);
      const machines = new Map(state.machines);
      if (machine) machines.set(name, machine);
      else machines.delete(name);
      return told({ ...state, machines }, machineNews(before, machine, name, state.now));
    }
    case 'attempt': {
      const { attempt } = change;
      const machine = attempt.machine === undefined ? undefined : state.machines.get(attempt.machine);
      const before = machine?.status.attempt;
      if (before && before.id !== attempt.id && before.startedAt > attempt.startedAt) return state;
      const news = attemptNews(before, attempt);
      if (!machine) return told(state, news);
      const machines = new Map(state.machines).set(machine.name, withAttempt(machine, attempt));
      return told({ ...state, machines }, news);
    }
    case 'job': {
      const { job } = change;
      const before = state.jobs.get(job.id);
      const jobs = new Map(state.jobs).set(job.id, job);
      return told({ ...state, jobs: bounded(jobs) }, jobNews(before, job, state.now));
    }
    case 'grant': {
      const { machine, profile, spentAt } = change.grant;
      const text = spentAt === undefined ? `may netboot ${profile} once` : `has booted ${profile}: its grant is spent`;
      return told(state, [{ at: state.now, who: machine, text, tone: 'dim' }]);
    }
    case 'document': {
      const { documentKind, name, document } = change;
      const text = `${documentKind} ${document ? 'changed' : 'removed'}`;
      return told(state, [{ at: state.now, who: name, text, tone: 'dim' }]);
    }
    case 'trace': {
      const event = asTraceEvent(change.event);
      const { trace } = state;
      if (trace?.attempt !== change.attempt || event.seq <= (trace.events.at(-1)?.seq ?? 0)) return state;
      return { ...state, trace: { ...trace, events: [...trace.events, event].slice(-MAX_TRACE) } };
    }
    case 'reset':
      return state;
    default:
      return change satisfies never;
  }
}

const withAttempt = (machine: MachineResource, attempt: AttemptResource): MachineResource => ({
  ...machine,
  status: { ...machine.status, attempt },
});

const told = (state: TopState, news: readonly News[]): TopState =>
  news.length === 0 ? state : { ...state, news: [...state.news, ...news].slice(-MAX_NEWS) };

/** The oldest of those that are over go first. */
function bounded(jobs: Map<string, Job>): Map<string, Job> {
  const over = [...jobs.values()].filter(({ state }) => isOver(state)).toSorted((a, b) => a.createdAt - b.createdAt);
  for (const { id } of over.slice(0, Math.max(0, jobs.size - MAX_JOBS))) jobs.delete(id);
  return jobs;
}

function afterTraced(state: TopState, machine: string, attempt: string, events: readonly TraceEvent[]): TopState {
  const { trace } = state;
  if (trace?.machine !== machine || trace.attempt !== attempt) return state;
  // What came by the stream while this was being read is the newer.
  const last = events.at(-1)?.seq ?? 0;
  const later = trace.events.filter(({ seq }) => seq > last);
  return { ...state, trace: { ...trace, events: [...events, ...later].slice(-MAX_TRACE) } };
}

/** The selection stays on a machine that is shown. */
function withSelection(state: TopState): TopState {
  if (state.selected !== undefined && state.filter === '' && state.machines.has(state.selected)) return state;
  const names = namesOf(racksOf(state));
  if (state.selected !== undefined && names.includes(state.selected)) return state;
  return { ...state, selected: names[0] };
}

/** A page is scrolled no further than to its end. */
function withScroll(state: TopState): TopState {
  const { view } = state;
  if (view.kind !== 'machine' || view.scroll === 0) return state;
  return { ...state, view: { ...view, scroll: Math.min(view.scroll, machineScroll(state, view.name)) } };
}

/** Whoever looks at a machine sees its newest boot: the shell is told when that is another one. */
function withTrace(before: TopState, { state, effects }: Step): Step {
  const { view, machines, trace } = state;
  if (view.kind === 'rack') {
    if (before.view.kind === 'rack') return { state, effects };
    return { state: { ...state, trace: undefined }, effects: [...effects, { kind: 'unfollow' }] };
  }
  const attempt = machines.get(view.name)?.status.attempt?.id;
  if (trace?.machine === view.name && trace.attempt === attempt) return { state, effects };
  const follow: Effect = { kind: 'follow', machine: view.name, attempt };
  return { state: { ...state, trace: { machine: view.name, attempt, events: [] } }, effects: [...effects, follow] };
}
