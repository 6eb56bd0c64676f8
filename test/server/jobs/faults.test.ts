import { describe, it } from 'node:test';
import { faultyJobs } from './faulty-jobs.ts';

describe('jobs to which things happen', { timeout: 110_000, concurrency: true }, () => {
  it('one try of ten goes wrong: every job ends with the right result', async (t) => {
    t.diagnostic(await faultyJobs({ machines: 12, rate: 0.1, seed: 1 }));
  });

  it('four of five go wrong: jobs fail after their last try, by what happened, and no half image boots', async (t) => {
    t.diagnostic(await faultyJobs({ machines: 6, rate: 0.8, seed: 2 }));
  });
});
