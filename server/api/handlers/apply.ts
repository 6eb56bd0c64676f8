import type { AppliedChange } from '#machines/contract/api/apply.ts';
import { makeProblem } from '#machines/contract/api/problem.ts';
import { roleAllows } from '#machines/contract/api/role.ts';
import type { Registry } from '#services/registry/contract.ts';
import { SEALED, type SentCredential } from '#machines/contract/credential.ts';
import { type ApiRequest, type Handlers, problemOf } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';
import { type Current, planApply, type Step } from '../decide/apply-plan.ts';
import { credentialHandlers } from './credentials.ts';
import { change } from './machines.ts';

/** Each change waits for the disk, which commits many at once: so many are on their way together. */
const AT_ONCE = 256;

export function applyHandlers({ registry, bmc }: Pick<OperatorApiParts, 'registry' | 'bmc'>): Pick<Handlers, 'apply'> {
  const { applyCredentials } = credentialHandlers({ registry, bmc });

  /** Credentials among the documents. They take an admin, as on their own route. */
  async function credentials(request: ApiRequest<'apply'>, prune: boolean, leaving: readonly string[]) {
    const { documents, dryRun, from } = request.body;
    const given = documents.flatMap((document, index) => (document.kind === 'Credential' ? [{ document, index }] : []));
    if (given.length === 0) return [];
    if (!roleAllows(request.caller.role, 'admin')) {
      const problem = makeProblem('forbidden', { detail: 'only an admin may set credentials' });
      return given.map(({ document: { kind, name }, index }): AppliedChange => {
        return { kind, name, change: 'failed', differences: [], index, problem };
      });
    }
    const wanted = given.map(({ document }) => withSecrets(document));
    const body = { credentials: wanted, dryRun, prune, leaving: [...leaving], ...(from === undefined ? {} : { from }) };
    const answer = await applyCredentials({ ...request, body });
    if (answer.kind !== 'done') throw new Error('credentials answer with what became of each of them');
    return answer.value.changes.map(({ index, because, ...change }): AppliedChange => {
      const problem = change.change === 'failed' ? makeProblem('invalid', { detail: because ?? '' }) : undefined;
      return {
        ...change,
        differences: [...change.differences],
        ...(index === undefined ? {} : { index: given[index]?.index ?? index }),
        ...(because === undefined ? {} : { because }),
        ...(problem === undefined ? {} : { problem }),
      };
    });
  }

  return {
    async apply(request) {
      const { body, caller } = request;
      const { dryRun, prune, from } = body;
      // Before the machines that name them, whose BMCs are polled at once.
      const set = await credentials(request, false, []);
      const places = body.documents.flatMap(({ kind }, index) => (kind === 'Credential' ? [] : [index]));
      const documents = body.documents.flatMap((document) => (document.kind === 'Credential' ? [] : [document]));
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
      const applied: AppliedChange[] = [];
      for (const group of groups(steps)) {
        applied.push(
          ...(await Promise.all(group.map(async (step) => (dryRun ? foretold(step) : await done(step, registry, by))))),
        );
      }
      const leaving = applied.flatMap(({ kind, name, change: one }) =>
        kind === 'Machine' && one === 'removed' ? [name] : [],
      );
      // And after them, because a credential that is named by a machine stays.
      const forgotten = prune ? await credentials(request, true, leaving) : [];
      const changes = [
        ...set,
        ...applied.map(({ index, ...one }) => (index === undefined ? one : { ...one, index: places[index] ?? index })),
        ...forgotten.filter(({ change: one }) => one === 'removed' || one === 'kept'),
      ];
      const counts = countBy(changes);
      return {
        kind: 'done',
        value: { dryRun, ok: changes.every(({ change: one }) => one !== 'failed'), changes },
        audit: dryRun ? 'nothing-changed' : { target: from ?? 'documents', detail: counts },
      };
    },
  };
}

function withSecrets({ name, labels, username, rotateDays, ownUser, password, kg }: SentCredential) {
  return {
    name,
    labels,
    username,
    ownUser,
    ...(rotateDays === undefined ? {} : { rotateDays }),
    ...(password === SEALED ? {} : { password: password.value }),
    ...(kg === undefined || kg === SEALED ? {} : { kg: kg.value }),
    keepsKg: kg === SEALED,
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
