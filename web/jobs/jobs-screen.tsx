import { SegmentedControl } from '@mantine/core';
import { useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { isOver } from '#machines/contract/job.ts';
import { useAsk } from '../api/queries.ts';
import { Card, Code, Empty, Failed, ScreenHead } from '../look/parts.tsx';
import { Approvals } from './approvals.tsx';
import { BatchView } from './batch-view.tsx';
import { JobRows } from './machine-jobs.tsx';

const FILTERS = ['all', 'under way', 'failed'] as const;

export function JobsScreen() {
  const { batch } = useSearch({ from: '/jobs' });
  const { data, error } = useAsk('listJobs', {
    query: batch === undefined ? { limit: 500 } : { limit: 1000, batch },
  });
  const [filter, setFilter] = useState<string>('all');
  const jobs = (data?.items ?? []).filter(({ state }) =>
    filter === 'all' ? true : filter === 'failed' ? state === 'failed' : !isOver(state),
  );
  return (
    <>
      <ScreenHead
        title="Jobs"
        about="What is done to machines durably. Each ends: done, failed with a reason and a next step, or cancelled."
      >
        <SegmentedControl data={[...FILTERS]} value={filter} onChange={setFilter} aria-label="Which jobs" />
      </ScreenHead>
      <div className="stack">
        {error && <Failed error={error} />}
        {batch !== undefined && data && <BatchView jobs={data.items} />}
        {data && (
          <Card>
            {jobs.length > 0 ? (
              <JobRows jobs={jobs} withMachine />
            ) : data.items.length > 0 ? (
              <p className="soft">None is {filter}.</p>
            ) : (
              <Empty title="No jobs yet">
                <p>
                  Inspect, install, erase: choose a machine in the rack, and what to do with it is at the top of its
                  page.
                </p>
                <Code>ingot inspect MACHINE --wait</Code>
              </Empty>
            )}
          </Card>
        )}
        {batch === undefined && <Approvals />}
      </div>
    </>
  );
}
