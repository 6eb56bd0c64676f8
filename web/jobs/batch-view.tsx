import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { isOver, type Job } from '#machines/contract/job.ts';
import { countStates } from '#machines/decide/jobs/batch.ts';
import { ask } from '../api/daemon.ts';
import { count } from '../look/format.ts';
import { Bar, Card, StateMark } from '../look/parts.tsx';
import { tell, tellProblem } from '../look/tell.ts';
import { useSession } from '../shell/session.ts';

/** Jobs that were asked for together: how far they are, when the rest is called off, and calling it off now. */
export function BatchView({ jobs }: { jobs: readonly Job[] }) {
  const { may } = useSession();
  const [doing, setDoing] = useState(false);
  const batch = jobs[0]?.batch;
  if (!batch) return null;
  const { queued, running, done, failed, cancelled } = countStates(jobs);
  const open = jobs.filter(({ state }) => !isOver(state));
  const stops =
    batch.maxFailures >= batch.size
      ? 'Goes on after failures'
      : `Stops after ${batch.maxFailures === 0 ? 'the first failure' : `${batch.maxFailures + 1} failures`}`;

  /** Those that wait first: what is called off in the middle stops the batch by itself. */
  async function callOff(): Promise<void> {
    setDoing(true);
    try {
      const waiting = open.filter(({ state }) => state === 'queued');
      for (const { id } of [...waiting, ...open.filter(({ state }) => state !== 'queued')]) {
        await ask('cancelJob', { params: { id } });
      }
      tell(`${count(open.length, 'job is', 'jobs are')} called off; what writes ends at its next safe point.`);
    } catch (error) {
      tellProblem(error);
    } finally {
      setDoing(false);
    }
  }

  return (
    <Card
      title={`A batch of ${batch.size}`}
      aside={
        <>
          <span className="soft">
            {stops}
            {batch.concurrency !== undefined && `, ${batch.concurrency} at a time`}.
          </span>
          <span className="row spread">
            {open.length > 0 && may('operator') && (
              <Button size="xs" variant="default" loading={doing} onClick={() => void callOff()}>
                Call off what is left
              </Button>
            )}
            <Link to="/jobs">All jobs</Link>
          </span>
        </>
      }
    >
      <div className="stack batch">
        <Bar
          part={(done + failed + cancelled) / batch.size}
          label="Jobs of the batch that are over"
          tone={failed > 0 ? 'bad' : open.length > 0 ? 'busy' : 'good'}
        />
        <p className="row">
          <StateMark tone="good">{done} done</StateMark>
          {failed > 0 && <StateMark tone="bad">{failed} failed</StateMark>}
          {cancelled > 0 && <StateMark tone="quiet">{cancelled} cancelled</StateMark>}
          {running > 0 && <StateMark tone="busy">{running} under way</StateMark>}
          {queued > 0 && <StateMark tone="wait">{queued} waiting</StateMark>}
        </p>
      </div>
    </Card>
  );
}
