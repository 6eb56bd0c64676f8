import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import type { LeaseStore } from '#services/store/contract.ts';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { type BenchRow, formatRows } from './row.ts';

const BINDINGS = 50_000;
/** As many packets as wait for the disk at once under load. */
const AT_ONCE = 64;
/** As perfdhcp offers them, each without waiting for another. */
const OFFERED_PER_SECOND = 10_000;
const OFFERED_SECONDS = 5;

/** Leases that are on disk before anybody is told: as fast as they go, and at the rate that is wanted of DHCP. */
export async function benchStore(): Promise<readonly BenchRow[]> {
  return [...(await onFreshStore(asFastAsTheyGo)), ...(await onFreshStore(atTheWantedRate))];
}

async function onFreshStore(measure: (leases: LeaseStore) => Promise<readonly BenchRow[]>) {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-bench-store-'));
  try {
    await using store = await openSqliteStore({ dir });
    return await measure(store.leases);
  } finally {
    await rm(dir, { recursive: true });
  }
}

function bind(leases: LeaseStore, number: number) {
  return leases.bind({
    site: 'default',
    subnet: '10.0.0.0/8',
    address: `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}` as IpAddress,
    key: `key ${number}`,
    mac: '52:54:00:00:00:01' as MacAddress,
    hostname: `node-${number}`,
    state: 'bound',
    boundAt: number,
    expiresAt: number + 3600_000,
  });
}

/** Each client waits for its lease before it asks for the next; with `AT_ONCE` 1 the figure falls to one commit a lease. */
async function asFastAsTheyGo(leases: LeaseStore): Promise<readonly BenchRow[]> {
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < BINDINGS) await bind(leases, next++);
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  return [
    {
      what: `leases bound on disk, ${AT_ONCE} at once`,
      ours: BINDINGS / seconds,
      unit: '1/s',
      target: { kind: 'at-least', value: OFFERED_PER_SECOND },
    },
  ];
}

async function atTheWantedRate(leases: LeaseStore): Promise<readonly BenchRow[]> {
  const total = OFFERED_PER_SECOND * OFFERED_SECONDS;
  const waits: number[] = [];
  const answers: Promise<void>[] = [];
  let commits = 0;
  let told = false;
  const one = async (number: number): Promise<void> => {
    const asked = performance.now();
    await bind(leases, number);
    waits.push(performance.now() - asked);
    // What one commit made durable is told in one turn of the event loop.
    if (told) return;
    told = true;
    commits++;
    setImmediate(() => (told = false));
  };
  const cpuBefore = process.threadCpuUsage();
  const started = performance.now();
  while (answers.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - started) * OFFERED_PER_SECOND) / 1000));
    while (answers.length < due) {
      answers.push(one(answers.length));
    }
    await setTimeout(1);
  }
  await Promise.all(answers);
  const cpu = process.threadCpuUsage(cpuBefore);
  waits.sort((a, b) => a - b);
  const at = `${OFFERED_PER_SECOND} leases a second offered`;
  return [
    { what: `${at}: one, 50th percentile`, ours: waits[total >> 1] ?? Number.NaN, unit: 'ms' },
    { what: `${at}: one, 99th percentile`, ours: waits[Math.floor(total * 0.99)] ?? Number.NaN, unit: 'ms' },
    { what: `${at}: leases a commit`, ours: total / commits, unit: '' },
    { what: `${at}: main thread's time for one`, ours: (cpu.user + cpu.system) / total, unit: 'µs' },
  ];
}

if (import.meta.main) process.stdout.write(`${formatRows(await benchStore())}\n`);
