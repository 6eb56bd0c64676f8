import { planReplacement } from '#machines/decide/replacement.ts';
import { type Handlers, notFound, problemAnswer, problemOf } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';

/** What machines are made of, and which hardware is which machine. */
export function hardwareHandlers({
  registry,
  inventories,
  jobs,
  bmc,
  now,
}: Pick<OperatorApiParts, 'registry' | 'inventories' | 'jobs' | 'bmc' | 'now'>): Pick<
  Handlers,
  'getInventory' | 'replaceMachine'
> {
  return {
    async getInventory({ params }) {
      if (!registry.machine(params.name)) return notFound(`machine ${params.name}`);
      return { kind: 'done', value: { items: await inventories.latest(params.name) } };
    },

    async replaceMachine({ params: { name }, body }) {
      const [old, by] = [registry.machine(name), registry.machine(body.by)];
      if (!old || !by) return notFound(`machine ${old ? body.by : name}`);
      const known = await inventories.latest(body.by);
      const plan = planReplacement({
        old,
        by,
        inventory: known.find(({ source }) => source === 'agent') ?? known[0],
        jobs: [...jobs.unfinishedOf(name), ...jobs.unfinishedOf(body.by)],
        now: now(),
      });
      if (plan.kind === 'refused') return problemOf(plan);
      const { moves, conflicts, document } = plan;
      const said = { moves: [...moves], conflicts: [...conflicts] };
      if (body.dryRun) return { kind: 'done', value: { done: false, ...said }, audit: 'nothing-changed' };
      const unseen = conflicts.filter((conflict) => !body.despite.includes(conflict));
      if (unseen.length > 0) {
        return problemAnswer('refused', {
          detail: `${name} and ${body.by} do not agree: ${unseen.join('; ')}`,
          next: `ingot machine replace ${name} ${body.by}, which shows each of them`,
        });
      }
      const outcome = await registry.replace(name, body.by, document, { rev: old.rev, byRev: by.rev });
      if (outcome.kind !== 'done') return problemOf(outcome);
      await inventories.move(body.by, name);
      await bmc.doubt(name);
      const detail = [`by ${body.by}`, ...moves, ...conflicts.map((conflict) => `despite: ${conflict}`)].join('; ');
      return { kind: 'done', value: { done: true, ...said }, audit: { target: name, detail } };
    },
  };
}
