import './jobs.css';
import { Anchor } from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import type { Job, JobStep } from '#machines/contract/job.ts';
import { useAsk } from '../api/queries.ts';
import { capital, clock, duration, words } from '../look/format.ts';
import type { Tone } from '../look/machine-state.ts';
import { useNow } from '../look/now.ts';
import { Ago, Bar, Card, Claimed, Failed, Mono, Pairs, StateMark } from '../look/parts.tsx';
import { jobPart, jobTone } from './job-state.ts';
import { CancelJob } from './machine-jobs.tsx';
import { PlanView } from './plan-view.tsx';

export function JobScreen() {
  const { id } = useParams({ from: '/jobs/$id' });
  const { data: job, error } = useAsk('getJob', { params: { id } });
  const events = useAsk('listJobEvents', { params: { id }, query: { limit: 1000 } });
  if (error) return <Failed error={error} />;
  if (!job) return <p role="status">Looking it up…</p>;
  return (
    <div className="stack">
      <div className="row">
        <h1>
          {capital(job.kind)}{' '}
          <Link to="/machines/$name" params={{ name: job.machine }}>
            {job.machine}
          </Link>
        </h1>
        <StateMark tone={jobTone(job.state)} pill>
          {job.state}
        </StateMark>
        <span className="row spread">
          {job.notes['certificate'] !== undefined && (
            <>
              <Anchor size="sm" href={`/api/v1/jobs/${job.id}/certificate.html`} target="_blank">
                Certificate of erasure
              </Anchor>
              <Anchor size="sm" href={`/api/v1/jobs/${job.id}/certificate`} download={`${job.machine}-erased.json`}>
                as signed JSON
              </Anchor>
            </>
          )}
          <CancelJob job={job} />
        </span>
      </div>
      {job.result ? <Result job={job} /> : <Bar part={jobPart(job)} label="Progress of the job" tone="busy" />}
      <div className="two">
        <Card title="Steps">
          <ol className="steps" aria-live="polite">
            {job.steps.map((step) => (
              <Step key={step.name} step={step} />
            ))}
          </ol>
        </Card>
        <Card title="About it">
          <Pairs
            of={[
              ['Asked for', <Ago key="at" at={job.createdAt} />],
              ['By', job.by],
              [
                'Confirmed by',
                job.confirmed &&
                  `${job.confirmed.by}${job.confirmed.said.length > 0 ? `, who said ${job.confirmed.said.join(', ')}` : ''}`,
              ],
              ['Plan', job.confirmed && <Mono key="digest">{job.confirmed.digest.slice(0, 16)}…</Mono>],
              [
                'Batch',
                job.batch && (
                  <Link key="batch" to="/jobs" search={{ batch: job.batch.id }}>
                    one of {job.batch.size}
                  </Link>
                ),
              ],
              ['Profile', job.profile],
              ['Id', <Mono key="id">{job.id}</Mono>],
            ]}
          />
        </Card>
      </div>
      {job.plan && (
        <Card title="What was confirmed">
          <PlanView plan={job.plan} />
        </Card>
      )}
      {events.data && events.data.items.length > 0 && (
        <Card title="What happened">
          {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls */}
          <ol className="job-events" tabIndex={0} aria-label="What happened">
            {events.data.items.map(({ seq, at, step, text }) => (
              <li key={seq}>
                <span className="soft mono">{clock(at)}</span>
                <span className="soft">{step === undefined ? '' : words(step)}</span>
                <Claimed>{text}</Claimed>
              </li>
            ))}
          </ol>
        </Card>
      )}
    </div>
  );
}

function Result({ job }: { job: Job }) {
  return (
    <div className="note" data-tone={jobTone(job.state)} role="status">
      <strong>
        <Claimed>{job.result?.because ?? ''}</Claimed>
      </strong>
      {job.result && job.result.next !== 'nothing' && (
        <p>
          Next: <Claimed>{job.result.next}</Claimed>
        </p>
      )}
    </div>
  );
}

const STEPS: Readonly<Record<JobStep['state'], { readonly tone: Tone; readonly text: string }>> = {
  waiting: { tone: 'quiet', text: 'waits' },
  running: { tone: 'busy', text: 'under way' },
  done: { tone: 'good', text: 'done' },
  failed: { tone: 'bad', text: 'failed' },
  skipped: { tone: 'quiet', text: 'not needed' },
};

function Step({ step }: { step: JobStep }) {
  const { tone, text } = STEPS[step.state];
  const now = useNow();
  const took = step.startedAt === undefined ? undefined : Math.max(0, (step.endedAt ?? now) - step.startedAt);
  return (
    <li data-tone={tone} data-state={step.state}>
      <span className="lamp" aria-hidden="true" />
      <span className="step-name">
        {words(step.name)}
        {step.tries > 1 && <span className="soft"> try {step.tries}</span>}
      </span>
      <span className="step-text">
        <span className="soft">{step.text === '' ? text : <Claimed>{step.text}</Claimed>}</span>
        {step.state === 'running' && step.progress !== undefined && (
          <Bar part={step.progress} label={words(step.name)} tone="busy" />
        )}
      </span>
      <span className="took">{took === undefined || isWaiting(step) ? '' : duration(took)}</span>
    </li>
  );
}

const isWaiting = ({ state }: JobStep): boolean => state === 'waiting';
