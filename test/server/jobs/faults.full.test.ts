import { randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import { faultyJobs } from './faulty-jobs.ts';

/** Other faults each time; a failure names its seed. */
describe('many jobs to which things happen', { timeout: 600_000 }, () => {
  for (const rate of [0.1, 0.3, 0.6]) {
    it(`${rate * 100} % of all tries go wrong: every job ends with the right result`, async (t) => {
      t.diagnostic(await faultyJobs({ machines: 60, rate, seed: randomInt(1_000_000) }));
    });
  }
});
