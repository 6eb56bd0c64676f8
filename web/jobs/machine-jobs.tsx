import './jobs.css';
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { isOver, type Job } from '#machines/contract/job.ts';
import { useFleet } from '../api/fleet.ts';
import { useAct, useAsk } from '../api/queries.ts';
import { capital, duration, words } from '../look/format.ts';
import { Ago, Bar, Card, Claimed, Empty, Failed, StateMark } from '../look/parts.tsx';
import { useSession } from '../shell/session.ts';
import { jobPart, jobTone } from './job-state.ts';

/** What is being done to a machine now, above everything else on its page. */
export function RunningJob({ machine }: { machine: string }) {
  const job = useFleet().jobs.get(machine);
  if (!job) return null;
  const at = job.steps.findLastIndex(({ state }) => state === 'running');
  const step = job.steps[at];
  return (
    <section className="card job-now" aria-label="Running job">
      <StateMark tone={jobTone(job.state)}>
        <Link to="/jobs/$id" params={{ id: job.id }}>
          {capital(job.kind)} {job.state}
        </Link>
      </StateMark>
      <Bar part={jobPart(job)} label={`${job.kind} of ${machine}`} tone="busy" />
      <CancelJob job={job} />
      {step && (
        <span className="text">
          Step {at + 1} of {job.steps.length}, {words(step.name)}. <Claimed>{step.text}</Claimed>
        </span>
      )}
    </section>
  );
}

export function CancelJob({ job }: { job: Job }) {
  const { may } = useSession();
  const cancel = useAct('cancelJob');
  if (isOver(job.state) || !may('operator')) return null;
  return (
    <Button
      size="xs"
      variant="default"
      disabled={job.cancelling}
      loading={cancel.isPending}
      onClick={() => cancel.mutate({ params: { id: job.id } })}
    >
      {job.cancelling ? 'Ends at its next safe point' : 'Cancel'}
    </Button>
  );
}

export function MachineJobs({ machine }: { machine: MachineResource }) {
  const { data, error } = useAsk('listJobs', { query: { machine: machine.name, limit: 100 } });
  if (error) return <Failed error={error} />;
  if (!data) return <p role="status">Reading…</p>;
  if (data.items.length > 0) {
    return (
      <Card title="Jobs">
        <JobRows jobs={data.items} />
      </Card>
    );
  }
  return (
    <Card>
      <Empty title="Nothing has been done to it yet">
        <ol>
          <li>
            <b>Inspect it: “Inspect” above</b>
            <span>Our agent boots in its memory and tells what it is made of. No disk is opened for writing.</span>
          </li>
          <li>
            <b>Install it: “Install…” above</b>
            <span>A plan names the disk by its serial. Nothing happens before you confirm it.</span>
          </li>
        </ol>
      </Empty>
    </Card>
  );
}

export const JobRows = ({ jobs, withMachine = false }: { jobs: readonly Job[]; withMachine?: boolean }) => (
  <ul>
    {jobs.map((job) => (
      <li key={job.id} className="job-row">
        <StateMark tone={jobTone(job.state)}>{job.state}</StateMark>
        <span>
          <Link to="/jobs/$id" params={{ id: job.id }}>
            {capital(job.kind)}
            {withMachine && ` ${job.machine}`}
          </Link>
          {job.profile !== undefined && <span className="soft"> {job.profile}</span>}
        </span>
        <span className="wide-only">
          {isOver(job.state) ? (
            <span className="soft">
              {job.startedAt !== undefined &&
                job.endedAt !== undefined &&
                `took ${duration(job.endedAt - job.startedAt)}`}
            </span>
          ) : (
            <Bar part={jobPart(job)} label={`${job.kind} of ${job.machine}`} tone={jobTone(job.state)} />
          )}
        </span>
        <span className="soft wide-only">
          <Ago at={job.createdAt} />
        </span>
        <span className="soft wide-only">
          <Claimed>{textOf(job)}</Claimed>
        </span>
      </li>
    ))}
  </ul>
);

function textOf(job: Job): string {
  if (job.result) return job.result.because;
  const step = job.steps.findLast(({ state }) => state === 'running');
  return step ? `${words(step.name)}${step.text === '' ? '' : `: ${step.text}`}` : '';
}
