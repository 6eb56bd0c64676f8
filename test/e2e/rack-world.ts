import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import { isOver, type Job, type JobKind } from '#machines/contract/job.ts';
import { BMC_USER, bmcSecrets } from '#machines/rack/bmc-secrets.ts';
import { bmcTls } from '#machines/rack/bmc/start-bmc.ts';
import { lineUp } from '#machines/rack/line-up.ts';
import { simulatedNodes } from '#machines/rack/node/nodes.ts';
import { BMC_CREDENTIAL, DISK_PROFILE, documents, prepare } from '#machines/rack/prepare.ts';
import { runRackWithBmcs } from '#machines/rack/rack.ts';
import { type MachineSpec, RACK_TIMES } from '#machines/rack/spec.ts';
import { loadMachineApi } from '#services/machine-api/definition.ts';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import { waitFor } from '#test/lab/wait.ts';
import { writeSimulatedAgentImage } from '../../cli/demo/agent-image.ts';

export type RackWorld = AsyncDisposable & {
  readonly daemon: Daemon;
  readonly rackDir: string;
  readonly specs: readonly MachineSpec[];
  /** All that one has shown on its screen. */
  screenOf(spec: MachineSpec): readonly string[];
  /** One job of that kind on each machine, its plan confirmed; how each ended, by the machine's name. */
  run(kind: JobKind, look?: (job: Job) => Promise<void>): Promise<Readonly<Record<string, string>>>;
  /** What `run` gives when nothing went wrong. */
  allDone(): Readonly<Record<string, string>>;
};

/**
 * The real daemon, and machines that are off with disks that are blank: they are installed from `demo-disk`, and their
 * BMCs turn them on. The addresses are others than those of other tests, which may run beside.
 */
export async function openRackWorld(options: {
  readonly machines: number;
  readonly limitMs?: number;
}): Promise<RackWorld> {
  const { machines, limitMs = 60_000 } = options;
  await using stack = new AsyncDisposableStack();
  const daemon = stack.use(
    await startDaemon({
      config: {
        subnets: [{ cidr: '127.77.0.0/16', pools: ['127.77.200.0-127.77.209.255'], discovery: 'hold' }],
        loaders: { dir: './rack/loaders' },
      },
    }),
  );
  // One of five has a processor that there is no agent for.
  const places = lineUp(machines * 2, { story: false })
    .filter(({ spec }) => spec.firmware !== 'uefi-arm64')
    .slice(0, machines);
  const specs = places.map(({ spec }) => spec);
  const rackDir = join(daemon.directory, 'rack');
  await prepare(rackDir, { kernel: 1 << 16, initrd: 1 << 16 });
  await writeSimulatedAgentImage(join(daemon.directory, 'data'));
  const { password, certificate } = await bmcSecrets(rackDir);
  const ports = { redfish: await freePort(), ipmi: await freePort() };
  await daemon.api('PUT', `/api/v1/bmc-credentials/${BMC_CREDENTIAL}`, { username: BMC_USER, password });
  await daemon.apply(
    documents(rackDir, places, ports).map((one) =>
      one['kind'] === 'Machine' ? { ...one, profile: DISK_PROFILE } : one,
    ),
  );

  const at = new Map(places.map(({ spec, bmc }) => [spec.name, { ...bmc, faults: [] }]));
  const screens = new Map<string, string[]>(specs.map(({ name }) => [name, []]));
  const listening = Promise.withResolvers<void>();
  const stop = new AbortController();
  const racking = runRackWithBmcs({
    machines: specs,
    daemon: daemon.sockets,
    staggerMs: 0,
    times: { ...RACK_TIMES, selfTestMs: 50, kernelMs: 100 },
    nodes: simulatedNodes({ dir: join(rackDir, 'nodes'), definition: loadMachineApi() }),
    events(event) {
      if (event.kind === 'screen') screens.get(event.machine.name)?.push(event.line);
    },
    signal: stop.signal,
    powersOn: false,
    bmcs: {
      of: ({ name }) => at.get(name),
      ports,
      username: BMC_USER,
      password,
      tls: await bmcTls(certificate),
      onListening: listening.resolve,
    },
  });
  stack.defer(async () => {
    stop.abort();
    await racking;
  });
  await Promise.race([listening.promise, racking]);

  const names = specs.map(({ name }) => name);
  const owned = stack.move();
  return {
    daemon,
    rackDir,
    specs,
    screenOf: ({ name }) => screens.get(name) ?? [],
    allDone: () => Object.fromEntries(names.map((name) => [name, 'done'])),
    async run(kind, look) {
      const wanted =
        kind === 'inspect' ? names.map((machine) => ({ kind, machine })) : await planned(daemon, kind, names);
      const { items } = await daemon.api<{ readonly items: readonly Job[] }>('POST', '/api/v1/jobs', { jobs: wanted });
      assert.equal(items.length, names.length);
      const ended = await Promise.all(
        items.map(async ({ id, machine }) => {
          const job = await waitFor(
            `the end of ${kind} on ${machine}`,
            async () => {
              const now = await daemon.api<Job>('GET', `/api/v1/jobs/${id}`);
              return isOver(now.state) && now;
            },
            limitMs,
          ).catch((cause: unknown) => {
            throw new Error([...(screens.get(machine) ?? []), daemon.output().slice(-4000)].join('\n'), { cause });
          });
          await look?.(job);
          return [machine, job.state === 'done' ? 'done' : `${job.state}: ${job.result?.because ?? ''}`] as const;
        }),
      );
      return Object.fromEntries(ended);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function planned(daemon: Daemon, kind: JobKind, machines: readonly string[]) {
  const ask = () => daemon.api<PlanAnswer>('POST', '/api/v1/plans', { kind, machines });
  // An image is read once before it can be planned with.
  const { items } = await waitFor('the plans', () => ask().catch(() => undefined), 20_000);
  for (const plan of items) assert.deepEqual(plan.refusals, []);
  return items.map((plan) => ({
    kind,
    machine: plan.machine,
    plan: { id: plan.id, digest: plan.digest },
    acknowledge: plan.acknowledge.map(({ say }) => say),
  }));
}

/** One that nobody has now on loopback, for all BMCs alike. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.78.1.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address ? address.port : assert.fail();
}
