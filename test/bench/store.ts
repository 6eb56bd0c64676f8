import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IpAddress } from '#machines/values/ip-address.ts';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { type BenchRow, formatRows } from './row.ts';

const BINDINGS = 50_000;
/** As many packets as wait for the disk at once under load. */
const AT_ONCE = 64;

/**
 * Leases that are on disk, each before the next of its client. What it costs is shared: the figure is ten to twenty times
 * that of one commit a lease, and falls to that when `AT_ONCE` is 1.
 */
export async function benchStore(): Promise<readonly BenchRow[]> {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-bench-store-'));
  const store = await openSqliteStore({ dir });
  const waits: number[] = [];
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < BINDINGS) {
        const number = next++;
        const asked = performance.now();
        await store.leases.bind({
          site: 'default',
          subnet: '10.0.0.0/8',
          address: `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}` as IpAddress,
          key: `key ${number}`,
          state: 'bound',
          boundAt: number,
          expiresAt: number + 3600_000,
        });
        waits.push(performance.now() - asked);
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  await store[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
  waits.sort((a, b) => a - b);
  return [
    {
      what: `leases bound on disk, ${AT_ONCE} at once`,
      ours: BINDINGS / seconds,
      unit: '1/s',
      target: { kind: 'at-least', value: 10_000 },
    },
    { what: 'one binding, 99th percentile', ours: waits[Math.floor(waits.length * 0.99)] ?? Number.NaN, unit: 'ms' },
  ];
}

if (import.meta.main) process.stdout.write(`${formatRows(await benchStore())}\n`);
