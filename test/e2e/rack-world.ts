import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import { isOver, type Job, type JobKind } from '#machines/contract/job.ts';
import { BMC_USER, bmcSecrets } from '#machines/rack/bmc-secrets.ts';
import { lineUp } from '#machines/rack/line-up.ts';
import { BMC_CREDENTIAL, DISK_PROFILE, documents, prepare } from '#machines/rack/prepare.ts';
import { FIRMWARES, type MachineSpec } from '#machines/rack/spec.ts';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import { startProgram } from '#test/lab/program.ts';
import { waitFor } from '#test/lab/wait.ts';
import { writeSimulatedAgentImage } from '../../cli/demo/agent-image.ts';
import { commandOf } from '../../cli/programs.ts';

export type RackWorld = AsyncDisposable & {
  readonly daemon: Daemon;
  /** The rack's process: firmware, BMCs and agents of all machines. */
  readonly rackPid: number;
  readonly rackDir: string;
  readonly specs: readonly MachineSpec[];
  /** Kills the daemon that runs, and starts one on its data where the rack finds it; `daemon` stays the first. */
  restart(): Promise<Daemon>;
  /** All that one has shown on its screen. */
  screenOf(spec: MachineSpec): readonly string[];
  /** One job of that kind on each machine, its plan confirmed; how each ended, by the machine's name. */
  run(
    kind: JobKind,
    look?: (job: Job) => Promise<void>,
    /** Instead of what the machines’ documents say. */
    profileOf?: (spec: MachineSpec) => string,
  ): Promise<Readonly<Record<string, string>>>;
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
  /** Where machines get their addresses; another one for worlds that are open at the same time. */
  readonly pool?: string;
  /** Further words for the rack's program. */
  readonly rackArgs?: readonly string[];
}): Promise<RackWorld> {
  const { machines, limitMs = 60_000, pool = '127.77.200.0-127.77.209.255' } = options;
  await using stack = new AsyncDisposableStack();
  const config = {
    subnets: [{ cidr: '127.77.0.0/16', pools: [pool], discovery: 'hold' }],
    loaders: { dir: './rack/loaders' },
  };
  const daemon = stack.use(await startDaemon({ config }));
  // One of five has a processor that there is no agent for: it stays off.
  const inRack = Math.ceil((machines * FIRMWARES.length) / (FIRMWARES.length - 1));
  const places = lineUp(inRack, { story: false })
    .filter(({ spec }) => spec.firmware !== 'uefi-arm64')
    .slice(0, machines);
  const specs = places.map(({ spec }) => spec);
  const rackDir = join(daemon.directory, 'rack');
  await prepare(rackDir, { kernel: 1 << 16, initrd: 1 << 16 });
  await writeSimulatedAgentImage(join(daemon.directory, 'data'));
  const { password } = await bmcSecrets(rackDir);
  const ports = { redfish: await freePort(), ipmi: await freePort() };
  await daemon.api('PUT', `/api/v1/bmc-credentials/${BMC_CREDENTIAL}`, { username: BMC_USER, password });
  await daemon.apply(
    documents(rackDir, places, ports).map((one) =>
      one['kind'] === 'Machine' ? { ...one, profile: DISK_PROFILE } : one,
    ),
  );

  const { dhcp, tftpPort } = daemon.sockets;
  const start = commandOf('rack', [
    ...['run', '--bmcs', '--plain', '--powered-off', '-o', 'json', '--dir', rackDir, '--machines', String(inRack)],
    ...['--dhcp', `${dhcp.address}:${dhcp.port}`, '--tftp-port', String(tftpPort)],
    ...['--redfish-port', String(ports.redfish), '--ipmi-port', String(ports.ipmi)],
    ...(options.rackArgs ?? []),
    ...['--stagger', '0', '--self-test', '50', '--kernel-time', '100'],
  ]);
  const rack = startProgram({
    name: 'rack',
    command: [start.file, ...start.args],
    env: start.env,
    logFile: join(rackDir, 'events.log'),
  });
  stack.defer(async () => void (await rack.stop()));
  // They begin to listen in their order.
  const last = lineUp(inRack, { story: false }).at(-1)?.bmc.address ?? assert.fail();
  await waitFor('the last BMC to listen', () => !rack.hasEnded() && connects(last, ports.redfish), limitMs);

  const names = specs.map(({ name }) => name);
  const screenOf = (name: string): readonly string[] =>
    rack
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => event.parse(JSON.parse(line)))
      .flatMap(({ kind, machine, line = '' }) => (kind === 'screen' && machine.name === name ? [line] : []));
  const owned = stack.move();
  let current = daemon;
  return {
    daemon,
    async restart() {
      const killed = current;
      process.kill(killed.pid, 'SIGKILL');
      await waitFor('the end of the daemon', () => killed.hasEnded(), limitMs);
      // What was killed gives up its ports, and machines that boot from now on ask there.
      const listen = { dhcp: { relayListen: [daemon.ready.dhcp] }, tftp: { listen: daemon.ready.tftp } };
      current = owned.use(await startDaemon({ directory: daemon.directory, config: { ...config, ...listen } }));
      return current;
    },
    rackPid: rack.pid,
    rackDir,
    specs,
    screenOf: ({ name }) => screenOf(name),
    allDone: () => Object.fromEntries(names.map((name) => [name, 'done'])),
    async run(kind, look, profileOf) {
      const wanted =
        kind === 'inspect'
          ? names.map((machine) => ({ kind, machine }))
          : profileOf === undefined
            ? await planned(daemon, kind, names)
            : (await Promise.all(specs.map((spec) => planned(daemon, kind, [spec.name], profileOf(spec))))).flat();
      const { items } = await daemon.api<{ readonly items: readonly Job[] }>('POST', '/api/v1/jobs', { jobs: wanted });
      assert.equal(items.length, names.length);
      const ids = new Set(items.map(({ id }) => id));
      // One question for all of them: a reader per job would ask more of the daemon than the jobs do.
      const ended = await waitFor(
        `the end of ${kind}`,
        async () => {
          if (rack.hasEnded()) throw new Error(`the rack ended:\n${rack.output().slice(-4000)}`);
          await sleep(LOOK_MS);
          const now = await daemon.api<{ readonly items: readonly Job[] }>(
            'GET',
            `/api/v1/jobs?kind=${kind}&limit=1000`,
          );
          const over = now.items.filter(({ id, state }) => ids.has(id) && isOver(state));
          return over.length === ids.size && over;
        },
        limitMs,
      ).catch((cause: unknown) => {
        throw new Error(daemon.output().slice(-4000), { cause });
      });
      for (const job of ended) await look?.(job);
      return Object.fromEntries(
        ended.map(({ machine, state, result }) => [
          machine,
          state === 'done' ? 'done' : [`${state}: ${result?.because ?? ''}`, ...screenOf(machine)].join('\n'),
        ]),
      );
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function planned(daemon: Daemon, kind: JobKind, machines: readonly string[], profile?: string) {
  const ask = () =>
    daemon.api<PlanAnswer>('POST', '/api/v1/plans', { kind, machines, ...(profile === undefined ? {} : { profile }) });
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

const LOOK_MS = 250;

/** What the rack says of itself, one a line. */
const event = z.object({ kind: z.string(), machine: z.object({ name: z.string() }), line: z.string().optional() });

function connects(address: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, address, () => resolve(true)).once('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
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
