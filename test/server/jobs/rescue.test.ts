import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planBoot } from '#machines/decide/boot-plan.ts';
import type { Attempt, TraceBody } from '#machines/contract/trace.ts';
import type { Installers } from '#server/jobs/installer-steps.ts';
import { RESCUE_PROFILE } from '#services/registry/built-in.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';
import { ended, jobWorld, when } from './job-world.ts';

const attempt = { id: 'AAAAAAAAAAAAAAAAAAAAAA', machine: 'm1', startedAt: 0 } as unknown as Attempt;

describe('a rescue', { timeout: 60_000 }, () => {
  for (const byHand of [false, true])
    it(`permits one boot of the shell, restarts the machine${byHand ? ' by hand' : ''}, and ends when that boot has fetched it`, async () => {
      const listeners = new Set<Parameters<Installers['watch']>[0]>();
      const permitted: string[] = [];
      const installers: Installers = {
        async permit(machine, profile, by) {
          permitted.push(`${machine} ${profile} ${by}`);
          return 'grant-1';
        },
        attemptsOf: async () => [],
        eventsOf: async () => [],
        watch(listener) {
          listeners.add(listener);
          return () => void listeners.delete(listener);
        },
        over: async () => {},
      };
      const record = (body: TraceBody): void => {
        for (const listener of listeners) listener(attempt, { seq: 1, at: Date.now(), ...body });
      };
      await using world = await jobWorld({ installers, byHand });
      const before = await world.agent.content('sda');
      const { jobs } = await world.daemon();
      const { id } = await jobs.submit({ kind: 'rescue', machine: 'm1', by: 'anna' });
      await when(jobs, id, () => world.netboots.length === 1);
      record({ kind: 'grant-spent', grant: 'grant-0' });
      record({ kind: 'grant-spent', grant: 'grant-1' });
      const job = await ended(jobs, id);
      assert.equal(job.state, 'done', job.result?.because);
      assert.deepEqual(permitted, [`m1 rescue-shell job:${id}`]);
      assert.match(job.result?.because ?? '', /has fetched the rescue shell/);
      assert.ok(before.equals(await world.agent.content('sda')));
    });

  it('boots what writes nothing, and needs no plan', () => {
    assert.equal(RESCUE_PROFILE.writes, 'none');
    const grant = { id: 'g', machine: 'm1', profile: RESCUE_PROFILE.name, createdAt: 1, by: 'anna' };
    const plan = planBoot({
      machine: sampleMachine(),
      grant: { grant, profile: RESCUE_PROFILE },
      profile: undefined,
      profileFrom: '',
      discovery: 'off',
      agent: { kind: 'ready', profile: RESCUE_PROFILE },
      image: () => undefined,
    });
    assert.equal(plan.kind, 'netboot');
  });
});
