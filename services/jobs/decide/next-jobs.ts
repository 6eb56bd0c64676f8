import type { Job } from '#machines/contract/job.ts';

/** How many jobs at once. */
export type JobCaps = { readonly daemon: number; readonly rack: number };

/**
 * Which queued jobs begin now: the oldest first, one at a time per machine, within the caps and within what the batch
 * allows at once. A job that has to wait for its rack or its batch holds up nobody in another one.
 */
export function nextJobs(parts: {
  /** Oldest first. */
  readonly queued: readonly Job[];
  readonly running: readonly Job[];
  readonly caps: JobCaps;
  readonly rackOf: (machine: string) => string;
}): readonly Job[] {
  const { queued, running, caps, rackOf } = parts;
  const busy = new Set(running.map(({ machine }) => machine));
  const inRack = new Map<string, number>();
  for (const { machine } of running) inRack.set(rackOf(machine), (inRack.get(rackOf(machine)) ?? 0) + 1);
  const inBatch = new Map<string, number>();
  for (const { batch } of running) if (batch) inBatch.set(batch.id, (inBatch.get(batch.id) ?? 0) + 1);
  let free = caps.daemon - running.length;
  return queued.filter(({ machine, batch }) => {
    const rack = rackOf(machine);
    const there = inRack.get(rack) ?? 0;
    if (free <= 0 || busy.has(machine) || there >= caps.rack) return false;
    if (batch) {
      const beside = inBatch.get(batch.id) ?? 0;
      if (beside >= (batch.concurrency ?? Number.POSITIVE_INFINITY)) return false;
      inBatch.set(batch.id, beside + 1);
    }
    free -= 1;
    busy.add(machine);
    inRack.set(rack, there + 1);
    return true;
  });
}
