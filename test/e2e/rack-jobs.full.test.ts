import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { openRackWorld } from './rack-world.ts';

const MACHINES = Number(process.env['INGOT_TEST_MACHINES'] ?? 200);
const LIMIT_MS = 600_000;

/** How long it takes and what it needs is told, not judged: that depends on the computer. */
test(`${MACHINES} machines are inspected and reprovisioned at once`, async (t) => {
  await using world = await openRackWorld({ machines: MACHINES, limitMs: LIMIT_MS });
  for (const kind of ['inspect', 'reprovision'] as const) {
    const started = performance.now();
    assert.deepEqual(await world.run(kind), world.allDone());
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    t.diagnostic(
      `${kind}: ${seconds} s; so far: rack ${await costOf(world.rackPid)}; daemon ${await costOf(world.daemon.pid)}`,
    );
  }
});

/** USER_HZ, in which Linux counts processor time for programs (proc(5)). */
const TICKS = 100;

/** What it has resident now, and the processor time that it has taken. */
async function costOf(pid: number): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const [, peak] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  const [, now] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  // After the name, which may hold blanks: state is the 3rd field, utime and stime the 14th and 15th.
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  const seconds = (Number(fields[11]) + Number(fields[12])) / TICKS;
  return `${mib(now)} MiB (at most ${mib(peak)}), ${seconds.toFixed(0)} s of processor time`;
}

const mib = (kib: string | undefined): number => Math.round(Number(kib) / 1024);
