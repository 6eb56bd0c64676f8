import type { Disks } from './disks/disk.ts';

/** Goes as soon as disks/block-disks.ts is there: until then the agent writes to no disk. */
export const blockDisks = (): Disks => ({
  open: (name) => Promise.reject(new Error(`${name}: this agent does not write to disks yet`)),
  run: (program) => Promise.resolve({ status: 127, stdout: '', stderr: `${program} is not run` }),
});
