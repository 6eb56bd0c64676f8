import { jobStoreConformance } from './conformance.ts';
import { memoryJobStore } from './memory-job-store.ts';

jobStoreConformance('in memory', async (work) => {
  const store = { jobs: memoryJobStore() };
  await work(store, async () => store);
});
