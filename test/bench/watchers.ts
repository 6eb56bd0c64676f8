import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import { type BenchRow, formatRows } from './row.ts';

const WATCHERS = 200;
const MACHINES = 1000;
/** Changes a second: ten times what a rack of a thousand machines that boot would make, gathered. */
const PER_SECOND = 100;
const SECONDS = 10;

/** Changes of machines to 200 open streams: how long after the answer to an edit the last of them has it, and is any lost. */
export async function watcherRows(): Promise<readonly BenchRow[]> {
  await using daemon = await startDaemon({ config: { log: { level: 'warn' } } });
  await daemon.apply(Array.from({ length: MACHINES }, (_, index) => machineOf(index)));
  const agent = new Agent({ keepAlive: true, maxSockets: WATCHERS + 8 });
  const lateness: number[] = [];
  const editedAt = new Map<string, number>();
  let events = 0;
  const streams = await Promise.all(
    Array.from({ length: WATCHERS }, () =>
      watch(daemon, agent, (value) => {
        events += 1;
        const at = editedAt.get(value);
        if (at !== undefined) lateness.push(performance.now() - at);
      }),
    ),
  );
  const edits = PER_SECOND * SECONDS;
  const began = performance.now();
  const cpuBefore = await cpuSeconds(daemon);
  for (let index = 0; index < edits; index += 1) {
    const wait = began + (index * 1000) / PER_SECOND - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const value = `v${index}`;
    editedAt.set(value, performance.now());
    await daemon.api('PATCH', `/api/v1/machines/${nameOf(index % MACHINES)}`, { labels: { edit: value } });
  }
  const took = (performance.now() - began) / 1000;
  const wanted = edits * WATCHERS;
  const end = performance.now() + 10_000;
  while (lateness.length < wanted && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  const cpu = (await cpuSeconds(daemon)) - cpuBefore;
  for (const stream of streams) stream.destroy();
  agent.destroy();
  const sorted = lateness.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return [
    { what: `SSE: edits/s to ${WATCHERS} watchers`, ours: edits / took, unit: '/s' },
    { what: `SSE: messages/s in all`, ours: events / took, unit: '/s' },
    { what: `SSE: from the edit to a watcher, p50 (gathered for 100 ms)`, ours: at(0.5), unit: 'ms' },
    {
      what: `SSE: from the edit to a watcher, p99`,
      ours: at(0.99),
      unit: 'ms',
      target: { kind: 'at-most', value: 1000 },
    },
    { what: `SSE: messages lost`, ours: wanted - lateness.length, unit: '', target: { kind: 'at-most', value: 0 } },
    { what: `SSE: processor time of the daemon`, ours: (cpu / took) * 100, unit: '% of a core' },
  ];
}

const nameOf = (index: number): string => `r${Math.floor(index / 40)}-u${(index % 40) + 1}`;
const machineOf = (index: number) => ({ kind: 'Machine', name: nameOf(index), serial: `S${index}` });

/** One stream; `seen` is called with the label of each change. */
async function watch(daemon: Daemon, agent: Agent, seen: (value: string) => void): Promise<IncomingMessage> {
  const asked = request(`${daemon.ready.api}/api/v1/watch?kinds=machine`, {
    agent,
    headers: { authorization: `Bearer ${daemon.token}` },
  });
  asked.end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  let rest = '';
  answer.setEncoding('utf8');
  answer.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const value = /"edit":"(v\d+)"/.exec(part)?.[1];
      if (value !== undefined) seen(value);
    }
  });
  // Its end is the bench's own doing.
  answer.on('error', () => {});
  return answer;
}

async function cpuSeconds(daemon: Daemon): Promise<number> {
  const answer = await fetch(`${daemon.ready.api}/metrics`, { headers: { authorization: `Bearer ${daemon.token}` } });
  return Number(/^process_cpu_seconds_total (\S+)$/m.exec(await answer.text())?.[1] ?? 0);
}

if (import.meta.main) process.stdout.write(`${formatRows(await watcherRows())}\n`);
