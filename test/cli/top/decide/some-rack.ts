import { type MachineResource, machineResource } from '#machines/contract/api/machine-resource.ts';
import { job, type Job } from '#machines/contract/job.ts';
import type { Stage, VerdictCode } from '#machines/contract/trace.ts';
import { reduce } from '../../../../cli/top/decide/reduce.ts';
import { screen } from '../../../../cli/top/decide/screen.ts';
import { type Effect, initialState, type TopEvent, type TopState } from '../../../../cli/top/decide/state.ts';

export const NOW = Date.UTC(2026, 10, 28, 12, 0, 0);

/** A machine as the API gives it. */
export function machineOf(
  name: string,
  more: {
    readonly rack?: string;
    readonly unit?: number;
    readonly acceptance?: 'seen' | 'accepted' | 'rejected';
    readonly boot?: {
      readonly id?: string;
      readonly stage: Stage;
      readonly code: VerdictCode;
      readonly cause?: string;
    };
    readonly labels?: Readonly<Record<string, string>>;
    readonly power?: string;
  } = {},
): MachineResource {
  const { rack, unit, acceptance = 'accepted', boot, labels = {}, power } = more;
  return machineResource.parse({
    kind: 'Machine',
    name,
    labels,
    location: { ...(rack === undefined ? {} : { rack }), ...(unit === undefined ? {} : { unit }) },
    status: {
      rev: 1,
      standing: acceptance === 'accepted' ? 'accepted' : acceptance,
      acceptance,
      service: 'none',
      locked: false,
      identifiers: { macs: ['52:54:00:00:00:01'], uuids: [], serials: [] },
      facts: power === undefined ? {} : { power: { value: power, at: NOW, source: 'bmc' } },
      actions: [],
      ...(boot ? { attempt: attemptJson(name, boot) } : {}),
    },
  });
}

export const attemptJson = (
  machine: string,
  {
    id = `${machine}-1`,
    stage,
    code,
    cause = 'because',
  }: { id?: string; stage: Stage; code: VerdictCode; cause?: string },
) => ({
  id,
  machine,
  site: 'default',
  startedAt: NOW - 5000,
  lastAt: NOW - 1000,
  stage,
  verdict: { code, stage, cause, next: 'try this' },
  events: 3,
});

export const jobOf = (machine: string, state: Job['state'], step = 'write-image', progress = 0.42): Job =>
  job.parse({
    id: `${machine}-job`,
    kind: 'install',
    machine,
    state,
    by: 'admin',
    createdAt: NOW,
    steps: [{ name: step, state: state === 'running' ? 'running' : 'done', progress, text: 'of 3 GB' }],
    ...(state === 'done' || state === 'failed' ? { result: { because: 'it is over', next: 'look' } } : {}),
    rev: 1,
  });

/** A dashboard without a terminal: what happens to it, what it wants done, what it shows. */
export function somebodyLooks(machines: readonly MachineResource[], { columns = 80, rows = 24, unicode = true } = {}) {
  let state: TopState = initialState({
    daemon: 'http://127.0.0.1:4680',
    now: NOW,
    offsetMs: 0,
    columns,
    rows,
    unicode,
  });
  const send = (event: TopEvent): readonly Effect[] => {
    const step = reduce(state, event);
    ({ state } = step);
    return step.effects;
  };
  send({ kind: 'read', machines, jobs: [] });
  return {
    send,
    /** `jj/web` and `<enter>`, as they are typed: one character at a time. */
    type(text: string): readonly Effect[] {
      const parts = text.match(/<[a-z-]+>|[\s\S]/g) ?? [];
      return parts.flatMap((part) =>
        part.length > 1
          ? send({ kind: 'key', key: part.slice(1, -1) as Extract<TopEvent, { kind: 'key' }>['key'] })
          : send({ kind: 'typed', text: part }),
      );
    },
    state: () => state,
    lines: () => screen(state).map(({ pieces }) => pieces.map(({ text }) => text).join('')),
    text: () =>
      screen(state)
        .map(({ pieces }) =>
          pieces
            .map(({ text }) => text)
            .join('')
            .trimEnd(),
        )
        .join('\n'),
  };
}
