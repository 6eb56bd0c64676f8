import { Agent, request } from 'node:http';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import { type BenchRow, formatRows } from './row.ts';

const MACHINES = 10_000;
const REQUESTS = 1500;
/** A page, a terminal and two programs. */
const AT_ONCE = 4;
const TARGET_MS = 50;

/** What people and programs ask of a list. */
const QUERIES: readonly (readonly [what: string, query: (index: number) => string])[] = [
  ['a page of 100', () => 'limit=100'],
  ['a page from within', (index) => `limit=100&after=${cursor(`r${index % 250}-u20`)}`],
  ['a search that finds one', (index) => `search=${mac((index * 7919) % MACHINES)}`],
  ['a search that finds nothing', (index) => `search=nothing-${index}`],
  ['by label', (index) => `label=half%3D${index % 2},rack!%3Dr7&limit=100`],
  ['newest boots first', () => 'sort=last-boot&descending=true&limit=100'],
  ['all 10,000 (7 MB), one client', () => 'limit=10000'],
  ['all 10,000, put together anew', (index) => `limit=10000&label=!nobody-has-${index}`],
];

const cursor = (name: string): string => encodeURIComponent(btoa(JSON.stringify([0, name])));
const mac = (index: number): string =>
  `52:54:00:${[index >> 16, (index >> 8) & 255, index & 255].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;

const machineOf = (index: number) => ({
  kind: 'Machine',
  name: `r${Math.floor(index / 40)}-u${(index % 40) + 1}`,
  macs: [mac(index)],
  serial: `S${String(index).padStart(6, '0')}`,
  labels: { half: String(index % 2), rack: `r${Math.floor(index / 40)}` },
  location: { rack: `r${Math.floor(index / 40)}`, unit: (index % 40) + 1 },
});

/** Lists and searches of 10,000 machines by the API of the real daemon, at the 99th percentile. */
export async function apiListRows(): Promise<readonly BenchRow[]> {
  await using daemon = await startDaemon({ config: { log: { level: 'warn' } } });
  const started = performance.now();
  for (let from = 0; from < MACHINES; from += 2000) {
    await daemon.apply(Array.from({ length: 2000 }, (_, index) => machineOf(from + index)));
  }
  const rows: BenchRow[] = [
    { what: `apply ${MACHINES.toLocaleString('en')} machines`, ours: (performance.now() - started) / 1000, unit: 's' },
  ];
  for (const [what, query] of QUERIES) {
    const whole = what.startsWith('all');
    const times = await measure(daemon, query, whole ? 200 : REQUESTS, whole ? 1 : AT_ONCE);
    rows.push({ what: `API: ${what}, p50`, ours: percentile(times, 0.5), unit: 'ms' });
    rows.push({
      what: `API: ${what}, p99`,
      ours: percentile(times, 0.99),
      unit: 'ms',
      target: { kind: 'at-most', value: TARGET_MS },
    });
  }
  return rows;
}

async function measure(
  daemon: Daemon,
  query: (index: number) => string,
  count: number,
  atOnce: number,
): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const times: number[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const began = performance.now();
      await get(`${daemon.ready.api}/api/v1/machines?${query(index)}`, daemon.token, agent);
      times.push(performance.now() - began);
    }
  };
  // The first few find out what is remembered afterwards; they are measured apart from the rest.
  await get(`${daemon.ready.api}/api/v1/machines?${query(0)}`, daemon.token, agent);
  await Promise.all(Array.from({ length: atOnce }, worker));
  agent.destroy();
  return times.toSorted((a, b) => a - b);
}

/** The whole body is read, but not parsed: that is the client's time. */
function get(url: string, token: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { agent, headers: { authorization: `Bearer ${token}` } }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${url}: ${answer.statusCode ?? 0}`));
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
      answer.on('end', () => resolve(bytes));
      answer.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

if (import.meta.main) process.stdout.write(`${formatRows(await apiListRows())}\n`);
