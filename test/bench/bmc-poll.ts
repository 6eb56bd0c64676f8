import { fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { DRIVERS } from '#server/bmc/drivers.ts';
import { openAsks } from '#services/bmc/asks.ts';
import { openBmcs } from '#services/bmc/bmcs.ts';
import { systemClock } from '#services/bmc/clock.ts';
import { openCredentials } from '#services/bmc/credentials.ts';
import { openPoller, POLL_TIMES } from '#services/bmc/poller.ts';
import { type BenchRow, formatRows } from './row.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';

const BMCS = Number(process.env['INGOT_BENCH_BMCS'] ?? '1000');
/** Logins and first reads are over by then. */
const WARM_MS = 1.5 * POLL_TIMES.everyMs;
const MEASURE_MS = 2 * POLL_TIMES.everyMs;
/** Coarse, because to look costs more than to poll. */
const LAG_MS = 50;
const PASSWORD = 'right-Password1';

const started = z.array(z.object({ redfish: z.string(), ipmi: z.string() }));

/** 1,000 simulated BMCs in another process, each read every 30 s as the daemon does it. */
export async function benchBmcPoll(): Promise<readonly BenchRow[]> {
  const rack = fork(fileURLToPath(new URL('bmc-rack.ts', import.meta.url)), [String(BMCS)]);
  try {
    const died = once(rack, 'exit').then(() => Promise.reject(new Error('the simulated BMCs did not start')));
    died.catch(() => {});
    const [message] = (await Promise.race([once(rack, 'message'), died])) as [unknown];
    const addresses = started.parse(message);
    return [
      ...(await measure(
        'ipmi',
        addresses.map(({ ipmi }) => ipmi),
      )),
      ...(await measure(
        'redfish',
        addresses.map(({ redfish }) => redfish),
      )),
    ];
  } finally {
    if (rack.exitCode === null && rack.signalCode === null) {
      const gone = once(rack, 'exit');
      rack.kill('SIGKILL');
      await gone;
    }
  }
}

async function measure(type: 'redfish' | 'ipmi', addresses: readonly string[]): Promise<readonly BenchRow[]> {
  const machines = addresses.map((address, at) =>
    sampleMachine({ name: `node${at}`, bmc: { type, address, credential: 'rack' } }),
  );
  const secret = JSON.stringify({ username: 'ingot', password: PASSWORD, setAt: 0 });
  const vault = {
    read: async (name: string) => (name === 'credential/rack' ? secret : undefined),
    write: async () => {},
    remove: async () => false,
    names: async () => [],
  };
  const silent = { info() {}, warn() {}, error() {} };
  await using bmcs = await openBmcs({
    store: { all: async () => [], put: async () => {}, remove: async () => false },
    credentials: openCredentials({ vault, now: Date.now }),
    drivers: DRIVERS,
    asks: openAsks({ clock: systemClock, personMs: 1000 }),
    clock: systemClock,
    random: Math.random,
    log: silent,
  });
  const poller = openPoller({ bmcs, machines: () => machines, clock: systemClock, onChange: () => {} });
  const stop = new AbortController();
  const running = poller.run(stop.signal);
  try {
    await sleep(WARM_MS);
    const known = poller.readings().filter(({ power }) => power !== 'unknown').length;
    if (known === 0) return [{ what: `${type}: ${BMCS} BMCs polled`, ours: 0, unit: 'BMCs', note: 'none answers' }];
    const lag = monitorEventLoopDelay({ resolution: LAG_MS });
    lag.enable();
    const before = { cpu: process.cpuUsage(), at: performance.now(), counts: poller.counters() };
    await sleep(MEASURE_MS);
    const seconds = (performance.now() - before.at) / 1000;
    const cpu = process.cpuUsage(before.cpu);
    const counts = poller.counters();
    lag.disable();
    const answered = counts.answered - before.counts.answered;
    const cores = (cpu.user + cpu.system) / 1e6 / seconds;
    const what = `${type}: ${BMCS} BMCs every ${POLL_TIMES.everyMs / 1000} s`;
    return [
      {
        what: `${what}: processor`,
        ours: cores,
        unit: 'cores',
        ...(type === 'ipmi' ? { target: { kind: 'at-most', value: 0.1 } } : {}),
      },
      { what: `${what}: one read`, ours: (cores * seconds * 1000) / Math.max(1, answered), unit: 'ms of processor' },
      {
        what: `${what}: answered`,
        ours: answered / seconds,
        unit: 'a second',
        target: { kind: 'at-least', value: (0.98 * BMCS * 1000) / POLL_TIMES.everyMs },
      },
      {
        what: `${what}: failed or late`,
        ours: counts.failed + counts.late - before.counts.failed - before.counts.late,
        unit: 'reads',
        target: { kind: 'at-most', value: 0 },
      },
      { what: `${what}: memory of the poller’s process`, ours: process.memoryUsage().rss / 2 ** 20, unit: 'MiB' },
      { what: `${what}: event loop lag, 99th percentile`, ours: lag.percentile(99) / 1e6 - LAG_MS, unit: 'ms' },
    ];
  } finally {
    stop.abort();
    await running;
  }
}

if (import.meta.filename === process.argv[1]) process.stdout.write(`${formatRows(await benchBmcPoll())}\n`);
