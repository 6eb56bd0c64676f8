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
      `${kind}: ${seconds} s, rack ${await memoryOf(world.rackPid)} MiB, daemon ${await memoryOf(world.daemon.pid)} MiB`,
    );
  }
});

/** Resident, MiB. */
async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024);
}
