import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Attempt, TraceBody, TraceEvent } from '#machines/contract/trace.ts';
import type { Installers } from '#server/jobs/installer-steps.ts';
import { ended, jobWorld, when } from './job-world.ts';

const ATTEMPT = 'AAAAAAAAAAAAAAAAAAAAAA';
const attempt: Attempt = { id: ATTEMPT, machine: 'm1', startedAt: 0 } as unknown as Attempt;

/** What the boot plane and the machine plane record, as a test says it. */
function recorded() {
  const events: TraceEvent[] = [];
  const listeners = new Set<Parameters<Installers['watch']>[0]>();
  const permitted: string[] = [];
  const over: string[] = [];
  const installers: Installers = {
    async permit(machine, profile, by) {
      permitted.push(`${machine} ${profile} ${by}`);
      return `grant-${permitted.length}`;
    },
    attemptsOf: async () => [attempt],
    eventsOf: async () => events,
    watch(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    over: async (id) => void over.push(id),
  };
  function record(body: TraceBody, of = attempt): void {
    const event = { seq: events.length + 1, at: Date.now(), ...body } as TraceEvent;
    if (of === attempt) events.push(event);
    for (const listener of listeners) listener(of, event);
  }
  return { installers, permitted, over, record };
}

describe('a network installer as a job', { timeout: 60_000 }, () => {
  it('is booted once under its plan, after the machine was proven, and ends with its report', async () => {
    const { installers, permitted, over, record } = recorded();
    await using world = await jobWorld({ installers });
    const { jobs } = await world.daemon();
    const { id, steps } = await world.submit(jobs, 'install', undefined, 'installer');
    assert.deepEqual(
      steps.map(({ name }) => name),
      ['boot-agent', 'prove-machine', 'boot-installer', 'await-report'],
    );
    await when(jobs, id, (job) => job.notes['installer-grant'] !== undefined);
    assert.deepEqual(permitted, [`m1 debian job:${id}`]);
    world.agent.letGo();
    assert.equal(await world.agent.machine.restarted, 'reboot');
    // Another machine’s boot, and another grant’s, are none of its business.
    record({ kind: 'grant-spent', grant: 'grant-1' }, { ...attempt, machine: 'm2', id: 'other' });
    record({ kind: 'grant-spent', grant: 'grant-0' });
    record({ kind: 'grant-spent', grant: 'grant-1' });
    await when(jobs, id, (job) => job.steps.find(({ name }) => name === 'await-report')?.state === 'running');
    record({ kind: 'reported', by: 'agent', text: 'not the installer' });
    record({ kind: 'reported', by: 'phone-home', text: 'installed' });
    const job = await ended(jobs, id);
    assert.equal(job.state, 'done', job.result?.because);
    assert.equal(job.notes['installer-attempt'], ATTEMPT);
    assert.ok(over.includes(ATTEMPT), 'nothing more is read by its token');
  });

  it('is not booted again by a daemon that comes back', async () => {
    const { installers, permitted, record } = recorded();
    await using world = await jobWorld({ installers });
    const first = await world.daemon();
    const { id } = await world.submit(first.jobs, 'install', undefined, 'installer');
    await when(first.jobs, id, (job) => job.notes['installer-grant'] !== undefined);
    world.agent.letGo();
    assert.equal(await world.agent.machine.restarted, 'reboot');
    await first.stop();
    // Both happen while no daemon looks.
    record({ kind: 'grant-spent', grant: 'grant-1' });
    record({ kind: 'reported', by: 'phone-home', text: 'installed' });
    const second = await world.daemon();
    const job = await ended(second.jobs, id);
    assert.equal(job.state, 'done', job.result?.because);
    assert.equal(permitted.length, 1);
  });
});
