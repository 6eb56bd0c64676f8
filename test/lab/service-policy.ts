import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** invoke-rc.d asks this program before it starts a service; 101 is "forbidden" (Debian's policy-rc.d interface). */
const POLICY = '/usr/sbin/policy-rc.d';
const KEPT = '/usr/sbin/policy-rc.d.before-ingot-tests';
const MARK = '# denied while the tests of Ingot install packages';

/**
 * Runs `work` while no package may start a service, then puts the machine's own policy back.
 *
 * An earlier run that was killed is put right first. Only one process at a time may do this.
 */
export function withoutServiceStarts(work: () => void): void {
  restore();
  if (existsSync(POLICY)) renameSync(POLICY, KEPT);
  try {
    writeFileSync(POLICY, `#!/bin/sh\n${MARK}\nexit 101\n`);
    chmodSync(POLICY, 0o755);
    work();
  } finally {
    restore();
  }
}

function restore(): void {
  if (existsSync(KEPT)) renameSync(KEPT, POLICY);
  else if (existsSync(POLICY) && readFileSync(POLICY, 'utf8').includes(MARK)) rmSync(POLICY);
}
