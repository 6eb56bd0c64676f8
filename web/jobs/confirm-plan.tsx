import './jobs.css';
import { Button, TextInput } from '@mantine/core';
import { planSummary } from '#machines/decide/jobs/plan-summary.ts';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Asked } from '#machines/contract/api/client.ts';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import type { PlannedKind } from '#machines/decide/jobs/make-plan.ts';
import { ask } from '../api/daemon.ts';
import { useAct } from '../api/queries.ts';
import { capital } from '../look/format.ts';
import { Failed, Mono } from '../look/parts.tsx';
import { tell } from '../look/tell.ts';
import { PlanView } from './plan-view.tsx';
import { buttonText, KEEPS_DATA } from './plan-words.ts';

const FAILURES = /^(\d{1,4}|\d{1,2}%|100%)$/;
/** More of them are told in a line each, and open by a click. */
const OPEN_PLANS = 2;
const AT_ONCE = /^([1-9]\d{0,3})?$/;

type Batch = NonNullable<NonNullable<Asked<'startJobs'>['body']>['batch']>;

function batchOf(failures: string, atOnce: string): Batch {
  const borne = failures.trim();
  const concurrency = atOnce.trim();
  return {
    maxFailures: borne.endsWith('%') ? `${Number(borne.slice(0, -1))}%` : Number(borne),
    ...(concurrency === '' ? {} : { concurrency: Number(concurrency) }),
  };
}

type Parts = {
  kind: PlannedKind;
  answer: PlanAnswer;
  close: () => void;
  /** What must be there before the first job begins, such as the document of a cluster. */
  before?: () => Promise<unknown>;
  /** Where to go when they have begun; else to the jobs. */
  begun?: () => void;
};

/** Everything that would be done, and what a person says to it (safety rule 4). Nothing has begun before its button. */
export function ConfirmPlan({ kind, answer, close, before, begun }: Parts) {
  const { items: plans, digest, ceremony, waitSeconds } = answer;
  const [typed, setTyped] = useState('');
  const [failures, setFailures] = useState('0');
  const [atOnce, setAtOnce] = useState('');
  const [said, setSaid] = useState<Readonly<Record<string, string>>>({});
  const navigate = useNavigate();
  const start = useMutation({
    async mutationFn(body: NonNullable<Asked<'startJobs'>['body']>) {
      await before?.();
      return await ask('startJobs', { body });
    },
    onSuccess: ({ items }) => {
      close();
      tell(
        waitSeconds > 0
          ? `The first begins in ${waitSeconds} s and may be called off until then.`
          : `${capital(kind)} has begun.`,
      );
      if (begun) return begun();
      const [only] = items;
      if (items.length === 1 && only) void navigate({ to: '/jobs/$id', params: { id: only.id } });
      else void navigate({ to: '/jobs', search: only?.batch ? { batch: only.batch.id } : {} });
    },
  });

  // Nobody knows their disks yet: looking writes nothing, and so it may be begun from here.
  const unknown = plans
    .filter(({ refusals }) => refusals.some(({ next }) => next.startsWith('ingot inspect ')))
    .map(({ machine }) => machine);
  const inspect = useAct('startJobs', {
    done: () => {
      close();
      tell('They are being inspected; plan again when that is done.');
      void navigate({ to: '/jobs' });
    },
  });
  const isRefused = plans.some(({ refusals }) => refusals.length > 0);
  const wanted = plans.flatMap(({ machine, acknowledge }) =>
    acknowledge.map((one) => ({ ...one, key: `${machine} ${one.what}` })),
  );
  const isAcknowledged = wanted.every(({ key, say }) => said[key]?.trim() === say);
  const isTyped = ceremony === 'yes' || typed.trim() === String(plans.length) || typed.trim() === digest;
  const isBatchRight = FAILURES.test(failures.trim()) && AT_ONCE.test(atOnce.trim());
  const keeps = KEEPS_DATA.includes(kind);

  return (
    <>
      <div className="plans">
        {plans.map((one) =>
          plans.length <= OPEN_PLANS || one.refusals.length > 0 ? (
            <PlanView key={one.id} plan={one} />
          ) : (
            <details key={one.id} className="plan-more">
              <summary>
                <strong>{one.machine}</strong> {planSummary(one)}
              </summary>
              <PlanView plan={one} />
            </details>
          ),
        )}
      </div>
      {isRefused ? (
        <div className="note" data-tone="bad" role="alert">
          <strong>Nothing can be done as planned.</strong>
          <p>Put right what stands against it above, then plan again.</p>
          {unknown.length > 0 && (
            <div className="row">
              <Button
                size="xs"
                variant="default"
                loading={inspect.isPending}
                onClick={() =>
                  inspect.mutate({ body: { jobs: unknown.map((machine) => ({ kind: 'inspect', machine })) } })
                }
              >
                {unknown.length === 1 ? `Inspect ${unknown[0]} now` : `Inspect ${unknown.length} machines now`}
              </Button>
            </div>
          )}
        </div>
      ) : (
        <form
          className="stack confirm"
          onSubmit={(event) => {
            event.preventDefault();
            if (!isAcknowledged || !isTyped || !isBatchRight) return;
            start.mutate({
              jobs: plans.map((plan) => ({
                kind,
                machine: plan.machine,
                plan: { id: plan.id, digest: plan.digest },
                acknowledge: plan.acknowledge.map(({ say }) => say),
              })),
              ...(plans.length > 1 ? { batch: batchOf(failures, atOnce) } : {}),
            });
          }}
        >
          <div className="confirm-what">
            <strong>{capital(answer.summary)}.</strong>
          </div>
          {wanted.map(({ key, what, say }) => (
            <TextInput
              key={key}
              label={what}
              description={
                <>
                  To go on in spite of that, type <Mono>{say}</Mono>
                </>
              }
              value={said[key] ?? ''}
              onChange={({ currentTarget: { value } }) => setSaid((before) => ({ ...before, [key]: value }))}
              autoComplete="off"
              spellCheck={false}
            />
          ))}
          {ceremony === 'count' && (
            <TextInput
              label={`Type how many machines this is about: ${plans.length}`}
              description="Or the digest of the plan, whole."
              value={typed}
              onChange={({ currentTarget: { value } }) => setTyped(value)}
              autoComplete="off"
              spellCheck={false}
              maw={420}
            />
          )}
          {plans.length > 1 && (
            <div className="row plan-options">
              <TextInput
                label="Go on after so many failures"
                description="One more, and those that have not begun are cancelled. Or a part: 10%"
                value={failures}
                onChange={({ currentTarget: { value } }) => setFailures(value)}
                error={FAILURES.test(failures.trim()) ? undefined : 'want a number, or a part such as 10%'}
                w={300}
              />
              <TextInput
                label="At most so many at once"
                description="Empty: as many as the daemon and the rack allow"
                value={atOnce}
                onChange={({ currentTarget: { value } }) => setAtOnce(value)}
                error={AT_ONCE.test(atOnce.trim()) ? undefined : 'want a number from 1'}
                inputMode="numeric"
                w={300}
              />
            </div>
          )}
          {waitSeconds > 0 && (
            <p className="soft">
              The jobs wait {waitSeconds} s before the first of them begins, and may be cancelled until then.
            </p>
          )}
          {start.error && <Failed error={start.error} />}
          <div className="row confirm-foot">
            <Button variant="default" onClick={close}>
              Leave it
            </Button>
            <span className="soft digest" title={digest}>
              plan <Mono>{digest.slice(0, 16)}…</Mono>
            </span>
            <Button
              type="submit"
              {...(keeps ? {} : { color: 'red' })}
              className="spread"
              disabled={!isAcknowledged || !isTyped || !isBatchRight}
              loading={start.isPending}
            >
              {buttonText(kind, plans)}
            </Button>
          </div>
        </form>
      )}
    </>
  );
}
