import type { AppliedChange } from '#machines/contract/api/apply.ts';
import { makeProblem } from '#machines/contract/api/problem.ts';
import { roleAllows } from '#machines/contract/api/role.ts';
import type { Registry } from '#services/registry/contract.ts';
import { type Handlers, problemOf } from '../answers.ts';
import { type Current, planApply, type Step } from '../decide/apply-plan.ts';
import { change } from './machines.ts';

/** Each change waits for the disk, which commits many at once: so many are on their way together. */
const AT_ONCE = 256;

export function applyHandlers({ registry }: { readonly registry: Registry }): Pick<Handlers, 'apply'> {
  return {
    async apply({ body, caller }) {
      const { documents, dryRun, prune, from } = body;
      const steps = planApply({
        documents,
        prune,
        from,
        mayNamePaths: roleAllows(caller.role, 'admin'),
        current: currentOf(registry),
      });
      const by = {
        ...change({ who: caller.name, expected: undefined }),
        ...(from === undefined ? {} : { appliedFrom: from }),
      };
      const changes: AppliedChange[] = [];
      for (const group of groups(steps)) {
        changes.push(
          ...(await Promise.all(group.map(async (step) => (dryRun ? foretold(step) : await done(step, registry, by))))),
        );
      }
      const counts = countBy(changes);
      return {
        kind: 'done',
        value: { dryRun, ok: changes.every(({ change: one }) => one !== 'failed'), changes },
        audit: dryRun ? 'nothing-changed' : { target: from ?? 'documents', detail: counts },
      };
    },
  };
}

/** What refers to something waits until that is done. */
function groups(steps: readonly Step[]): readonly (readonly Step[])[] {
  const result: Step[][] = [];
  let last = '';
  for (const step of steps) {
    const key = `${'document' in step} ${'document' in step ? step.document.kind : step.documentKind}`;
    const group = result.at(-1);
    if (group && key === last && group.length < AT_ONCE) group.push(step);
    else result.push([step]);
    last = key;
  }
  return result;
}

function foretold(step: Step): AppliedChange {
  switch (step.kind) {
    case 'put': {
      const { document, index, differences, because } = step;
      const named = { kind: document.kind, name: document.name, index, differences: [...differences] };
      return { ...named, change: step.change, ...(because === undefined ? {} : { because }) };
    }
    case 'wrong': {
      const { document, index, path, text } = step;
      const problem = makeProblem('invalid', { detail: text, errors: [{ in: 'body', path, text }] });
      return { kind: document.kind, name: document.name, change: 'failed', differences: [], index, problem };
    }
    case 'remove':
      return { kind: step.documentKind, name: step.name, change: 'removed', differences: [] };
    case 'keep':
      return { kind: step.documentKind, name: step.name, change: 'kept', differences: [], because: step.because };
    default:
      return step satisfies never;
  }
}

async function done(step: Step, registry: Registry, by: Parameters<Registry['put']>[1]): Promise<AppliedChange> {
  const told = foretold(step);
  if (step.kind === 'put') {
    const outcome = await registry.put(step.document, by);
    if (outcome.kind === 'done') return { ...told, change: outcome.value.change };
    return { ...told, change: 'failed', problem: problemOf(outcome).problem };
  }
  if (step.kind === 'remove') {
    const outcome = await registry.remove(step.documentKind, step.name, { who: by.who });
    return outcome.kind === 'done' ? told : { ...told, change: 'failed', problem: problemOf(outcome).problem };
  }
  return told;
}

function currentOf(registry: Registry): Current {
  return {
    document: (kind, name) =>
      kind === 'Machine'
        ? registry.machine(name)?.document
        : registry.documents(kind).find(({ document }) => document.name === name)?.document,
    machine: (name) => registry.machine(name),
    ownerOf: (mac) => registry.machineByMac(mac),
    appliedFrom: (from) => [
      ...registry
        .machines()
        .flatMap(({ appliedFrom, document: { name } }) =>
          appliedFrom === from ? [{ kind: 'Machine' as const, name }] : [],
        ),
      ...(['Profile', 'Class', 'Image', 'Network', 'Cluster'] as const).flatMap((kind) =>
        registry
          .documents(kind)
          .flatMap(({ appliedFrom, document: { name } }) => (appliedFrom === from ? [{ kind, name }] : [])),
      ),
    ],
  };
}

function countBy(changes: readonly AppliedChange[]): string {
  const counts = new Map<string, number>();
  for (const { change: one } of changes) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ') || 'nothing';
}
