import { randomUUID } from 'node:crypto';
import type { Approval } from '#machines/contract/approval.ts';
import { isOver, type Job, type JobBatch, type Plan } from '#machines/contract/job.ts';
import type { JobRequest } from '#machines/contract/api/job-resource.ts';
import { roleAllows } from '#machines/contract/api/role.ts';
import { mayDo } from '#machines/decide/actions.ts';
import { classOf } from '#machines/decide/classes.ts';
import { failuresBorne } from '#machines/decide/jobs/batch.ts';
import { ceremonyFor, checkConfirmation } from '#machines/decide/jobs/confirm.ts';
import { planSummary, summaryOfAll } from '#machines/decide/jobs/plan-summary.ts';
import { whyGiverMayNot, whyNotCovered, writtenSince } from '#machines/decide/jobs/standing-approval.ts';
import { isPlanned } from '#machines/decide/jobs/make-plan.ts';
import type { NewJob } from '#services/jobs/contract.ts';
import { digestOfAll } from '#services/jobs/plans.ts';
import type { AccessKey } from '#services/store/contract.ts';
import {
  type Handlers,
  invalid,
  notFound,
  type ProblemAnswer,
  problemAnswer,
  problemOf,
  WRONG_CURSOR,
} from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';
import { readLogCursor } from '../decide/log-cursor.ts';
import { logPage } from '../log-page.ts';
import { machineFilter } from '../machine-filter.ts';

type Names = 'makePlans' | 'getPlan' | 'startJobs' | 'listJobs' | 'getJob' | 'listJobEvents' | 'cancelJob';
type Parts = Pick<
  OperatorApiParts,
  'approvals' | 'users' | 'jobs' | 'inventories' | 'plans' | 'planFor' | 'registry' | 'secondApprover' | 'audit' | 'now'
>;
type Asked = JobRequest['jobs'][number];

/** So many jobs of a machine are looked through for one that wrote it: more than it has between two looks at its disks. */
const LOOKED_BACK = 100;

/** Kinds whose jobs exist; the others are named in the API's schema, and refused with a reason. */
const STARTABLE = ['inspect', 'install', 'wipe', 'reset', 'reprovision', 'retire', 'upgrade', 'rollback', 'rescue'];

export function jobHandlers(parts: Parts): Pick<Handlers, Names> {
  const { jobs, plans, planFor, secondApprover } = parts;
  return {
    async makePlans({ body }) {
      const { machines, ...asked } = body;
      const items: Plan[] = [];
      for (const machine of machines) {
        const question = { ...asked, machine };
        const outcome = await planFor(question);
        if (outcome.kind !== 'done') return problemOf(outcome);
        items.push(plans.keep(outcome.value, question));
      }
      const { kind: ceremony, waitSeconds } = ceremonyFor(items);
      return {
        kind: 'done',
        value: { items, summary: summaryOfAll(items), digest: digestOfAll(items), ceremony, waitSeconds },
        audit: 'nothing-changed',
      };
    },

    getPlan({ params: { id } }) {
      const kept = plans.get(id);
      return kept
        ? { kind: 'done', value: kept.plan }
        : notFound(`plan ${id}: it was confirmed, or is over an hour old`);
    },

    async startJobs({ body, caller }) {
      const wanted: NewJob[] = [];
      const approved = new Map<string, { readonly approval: Approval; readonly machines: readonly string[] }>();
      for (const [index, asked] of body.jobs.entries()) {
        const checked =
          asked.approval === undefined
            ? await check(asked, caller, parts, index)
            : await covered({ ...asked, approval: asked.approval }, caller, parts, approved);
        if ('problem' in checked) return checked;
        wanted.push(checked);
      }
      const shown = wanted.filter(({ confirmed }) => confirmed?.approval === undefined);
      const asked = secondApprover ? secondYes(shown, caller, plans) : undefined;
      if (asked?.kind === 'alone') {
        const target = wanted.map(({ machine }) => machine).join(' ');
        await parts.audit.append({
          at: parts.now(),
          who: caller.name,
          action: 'askForJobs',
          target,
          detail: asked.detail,
        });
        return asked.answer;
      }
      // Another request may have confirmed the same while this one was looked at, and one request may name it twice.
      for (const { kind, machine, plan } of shown) {
        if (!plan) continue;
        if (!plans.get(plan.id)) {
          const detail = `${machine}: plan ${plan.id} was confirmed already`;
          return problemAnswer('refused', { detail, next: `ingot ${kind} ${machine} --plan` });
        }
        plans.take(plan.id);
      }
      for (const { approval, machines } of approved.values()) {
        if (await parts.approvals.use(approval, machines, caller.name)) continue;
        const detail = `approval ${approval.id} was changed or used by somebody else just now`;
        return problemAnswer('refused', { detail, next: 'ask again' });
      }
      const { waitSeconds } = ceremonyFor(wanted.flatMap(({ plan }) => plan ?? []));
      const holdUntil = waitSeconds === 0 ? undefined : String(parts.now() + waitSeconds * 1000);
      const batch = batchOf(wanted, body.batch);
      const started: Job[] = [];
      for (const job of wanted) {
        const notes = { ...job.notes, ...(holdUntil === undefined ? {} : { holdUntil }) };
        // Who asked for it first asked for the job; who confirmed it then stands in `confirmed`.
        const by = (job.plan && asked?.first.get(job.plan.digest)) ?? job.by;
        started.push(await jobs.submit({ ...job, by, notes, ...(batch ? { batch } : {}) }));
      }
      return {
        kind: 'done',
        value: { items: started },
        audit: {
          target: started.map(({ machine }) => machine).join(' '),
          detail: started
            .map(({ id, kind, plan, confirmed }) => {
              const by = confirmed?.approval === undefined ? '' : ` approval ${confirmed.approval}`;
              return `${kind} ${id}${plan ? ` plan ${plan.digest}` : ''}${by}`;
            })
            .join(', '),
        },
      };
    },

    async listJobs({ query }) {
      const { machine, batch, before, limit, kind, state } = query;
      const from = query.after === undefined ? undefined : readLogCursor(query.after);
      if (query.after !== undefined && !from) return WRONG_CURSOR;
      const ofMachine = machineFilter(parts.registry, query);
      const isFiltered = ofMachine !== undefined || kind !== undefined || state !== undefined;
      const value = await logPage({
        read: (position) =>
          jobs.list({
            ...position,
            oldestFirst: query.sort === 'oldest',
            ...(machine === undefined ? {} : { machine }),
            ...(batch === undefined ? {} : { batch }),
          }),
        cursorOf: ({ createdAt, id }: Job) => ({ before: createdAt, beforeId: id }),
        wanted: isFiltered
          ? (one) =>
              (kind === undefined || one.kind === kind) &&
              (state === undefined || one.state === state) &&
              (ofMachine?.(one.machine) ?? true)
          : undefined,
        limit,
        from: from ?? (before === undefined ? undefined : { before, beforeId: '' }),
      });
      return { kind: 'done', value };
    },

    async getJob({ params: { id } }) {
      const job = await jobs.get(id);
      return job ? { kind: 'done', value: job } : notFound(`job ${id}`);
    },

    async listJobEvents({ params: { id }, query: { after, limit } }) {
      if (!(await jobs.get(id))) return notFound(`job ${id}`);
      return { kind: 'done', value: { items: await jobs.events(id, after, limit) } };
    },

    async cancelJob({ params: { id }, caller }) {
      const job = await jobs.cancel(id, caller.name);
      if (!job) return notFound(`job ${id}`);
      return { kind: 'done', value: job, audit: { target: job.machine, detail: `${job.kind} ${id}` } };
    },
  };
}

/** The job that a standing approval confirms by itself, or why it does not; what is used of it is added to `approved`. */
async function covered(
  { kind, machine: name, approval: id }: Asked & { readonly approval: string },
  caller: AccessKey,
  { registry, plans, planFor, approvals, users, jobs, inventories, secondApprover, now }: Parts,
  approved: Map<string, { readonly approval: Approval; readonly machines: readonly string[] }>,
): Promise<NewJob | ProblemAnswer> {
  const refused = (because: string, next = `ingot ${kind} ${name} --plan`): ProblemAnswer =>
    problemAnswer('refused', { detail: `${name}: ${because}`, next });
  const machine = registry.machine(name);
  if (!machine) return notFound(`machine ${name}`);
  const allowed = mayDo('write-disks', machine);
  if (allowed.kind === 'refused') return problemOf(allowed);
  const approval = approved.get(id)?.approval ?? (await approvals.get(id));
  if (!approval) return notFound(`approval ${id}`);
  if (kind !== 'install' && kind !== 'reprovision')
    return refused(`approval ${id} is for ${approval.kinds.join(' and ')}`);
  // It is worth no more than who gave it.
  const giver = approval.user === undefined ? undefined : await users.get(approval.user);
  const mayNot = whyGiverMayNot(approval, giver, machine);
  if (mayNot !== undefined) return refused(mayNot);
  if (secondApprover && (approval.user ?? '') === personOf(caller)) {
    return refused(
      `this site wants two persons, and approval ${id} is ${caller.name}’s own`,
      'somebody else begins it',
    );
  }
  const outcome = await planFor({ kind, machine: name, profile: approval.profile });
  if (outcome.kind !== 'done') return problemOf(outcome);
  const machines = approved.get(id)?.machines ?? [];
  if (machines.includes(name)) return refused('it is named twice', 'name it once');
  const told = await inventories.latest(name);
  const because = whyNotCovered(approval, {
    plan: outcome.value,
    machine,
    ofClass: classOf(machine, registry.classes())?.name,
    gaps: told.find(({ source }) => source === 'agent')?.gaps ?? [],
    beside: machines.length,
    now: now(),
  });
  if (because !== undefined) return refused(because);
  const draft = outcome.value;
  const own = [...jobs.unfinishedOf(name), ...(await jobs.list({ machine: name, limit: LOOKED_BACK }))];
  const written = writtenSince(own, draft.inventoryAt ?? 0);
  if (written) {
    const since = `its ${written.kind} ${written.id} ${isOver(written.state) ? 'has written since' : 'is not over'}`;
    return refused(`nobody knows its disks to be blank: ${since}`, `ingot inspect ${name}`);
  }
  const plan: Plan = { ...draft, id: randomUUID(), digest: plans.digestOf(draft), summary: planSummary(draft) };
  approved.set(id, { approval, machines: [...machines, name] });
  return {
    kind,
    machine: name,
    by: caller.name,
    plan,
    confirmed: { by: approval.by, at: now(), digest: plan.digest, said: [], approval: id },
    profile: approval.profile,
  };
}

/** What one request begins together; a single job is no batch. */
function batchOf(wanted: readonly NewJob[], asked: JobRequest['batch']): JobBatch | undefined {
  if (wanted.length < 2) return undefined;
  return {
    id: randomUUID(),
    size: wanted.length,
    maxFailures: failuresBorne(
      wanted.map(({ kind }) => kind),
      asked?.maxFailures,
    ),
    ...(asked?.concurrency === undefined ? {} : { concurrency: asked.concurrency }),
  };
}

/**
 * All tokens and sessions of a user are one person. What belongs to no user goes back to the operator token in the data
 * directory, by whatever tokens were made with it: whoever has that is one person, too.
 */
const personOf = ({ user }: AccessKey): string => user ?? '';

/**
 * Where a site wants two persons, both of them say yes to the same plans, one of them an approver: who is the first is kept
 * as asking for it. To have been shown a plan is no yes.
 */
function secondYes(
  wanted: readonly NewJob[],
  caller: AccessKey,
  plans: Parts['plans'],
):
  | { readonly kind: 'both'; readonly first: ReadonlyMap<string, string> }
  | { readonly kind: 'alone'; readonly answer: ProblemAnswer; readonly detail: string } {
  const own = { person: personOf(caller), name: caller.name, isApprover: roleAllows(caller.role, 'approver') };
  const planned = wanted.flatMap(({ plan }) => plan ?? []);
  const first = new Map<string, string>();
  for (const { digest } of planned) {
    const other = plans
      .requestedBy(digest)
      .find(({ person, isApprover }) => person !== own.person && (isApprover || own.isApprover));
    if (other) first.set(digest, other.name);
  }
  const open = planned.filter(({ digest }) => !first.has(digest));
  if (open.length === 0) return { kind: 'both', first };
  for (const { id } of planned) plans.request(id, own);
  const what = planned.map(({ kind, machine }) => `${kind} ${machine}`).join(', ');
  const who = own.isApprover ? 'another person' : 'an approver';
  const digest = digestOfAll(planned);
  return {
    kind: 'alone',
    detail: `${what} plan ${digest}`,
    answer: problemAnswer('refused', {
      title: 'Another person has to confirm it, too',
      detail: `${what}: asked for by ${own.name}, and kept for an hour; this site wants two persons, so ${who} confirms it before it begins`,
      next: `${who}: ingot ${planned[0]?.kind} ${planned.map(({ machine }) => machine).join(' ')} --confirm ${digest}`,
    }),
  };
}

/** The job that would be begun, or why not. Everything is looked at again: a plan is an hour old at most, facts change. */
async function check(
  { kind, machine: name, plan: named, acknowledge }: Asked,
  caller: AccessKey,
  { registry, plans, planFor, now }: Parts,
  index: number,
): Promise<NewJob | ProblemAnswer> {
  const by = caller.name;
  const machine = registry.machine(name);
  if (!machine) return notFound(`machine ${name}`);
  if (!STARTABLE.includes(kind)) {
    return invalid({ in: 'body', path: `jobs[${index}].kind`, text: `got ${kind}, want ${STARTABLE.join(' | ')}` });
  }
  const allowed = mayDo(isPlanned(kind) ? 'write-disks' : 'inspect', machine);
  if (allowed.kind === 'refused') return problemOf(allowed);
  if (!isPlanned(kind)) return { kind, machine: name, by };

  const again = `ingot ${kind} ${name} --plan`;
  const kept = named && plans.get(named.id);
  if (!kept) {
    return problemAnswer('refused', {
      detail: `${name}: there is no plan ${named?.id ?? ''}; it was confirmed already, is over an hour old, or the daemon was restarted`,
      next: again,
    });
  }
  const { plan, question } = kept;
  if (plan.kind !== kind || plan.machine !== name) {
    const detail = `plan ${plan.id} is for ${plan.kind} of ${plan.machine}, not for ${kind} of ${name}`;
    return problemAnswer('refused', { detail, next: again });
  }
  const confirmed = checkConfirmation(plan, { digest: named.digest, said: acknowledge, at: now() });
  if (confirmed.kind === 'refused') {
    return problemAnswer('refused', { detail: `${name}: ${confirmed.because}`, next: confirmed.next });
  }
  const ofCluster = plan.talos && registry.clusterOf(name);
  if (plan.talos && ofCluster?.name !== plan.talos.cluster) {
    return problemAnswer('refused', {
      detail: `${name}: the plan is for cluster ${plan.talos.cluster}, whose document does not name it`,
      next: `ingot get cluster ${plan.talos.cluster}`,
    });
  }
  const today = await planFor(question);
  if (today.kind !== 'done') return problemOf(today);
  if (plans.digestOf(today.value) !== plan.digest) {
    return problemAnswer('refused', {
      detail: `${name}: what the plan was made from has changed since it was shown`,
      next: again,
    });
  }
  return {
    kind,
    machine: name,
    by,
    plan,
    confirmed: { by, at: now(), digest: plan.digest, said: [...acknowledge] },
    ...(plan.profile === undefined ? {} : { profile: plan.profile }),
  };
}
