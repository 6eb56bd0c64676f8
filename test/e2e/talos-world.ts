import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import { isOver, type Job, type JobKind } from '#machines/contract/job.ts';
import { talosName } from '#machines/rack/prepare.ts';
import type { MachineSpec } from '#machines/rack/spec.ts';
import { loopbackNetwork } from '#test/lab/loopback-network.ts';
import { waitFor } from '#test/lab/wait.ts';
import { openRackWorld, type RackWorld } from './rack-world.ts';

export type TalosWorld = RackWorld & {
  readonly names: readonly string[];
  /** Jobs of that kind under confirmed plans; fails with what was shown unless all of them end as wanted. */
  jobs(
    kind: JobKind,
    machines: readonly string[],
    options?: { readonly asked?: Readonly<Record<string, unknown>>; readonly ends?: 'done' | 'failed' },
  ): Promise<readonly Job[]>;
  /** The document of the cluster `home`, as an operator would apply it. */
  cluster(members: Members, talos: string): Promise<void>;
  state(): Promise<ClusterStateText>;
};
export type Members = { readonly controlPlane: readonly string[]; readonly workers: readonly string[] };
type ClusterStateText = {
  readonly etcd: readonly string[];
  readonly machines: readonly { readonly name: string; readonly ready: boolean; readonly talos?: string }[];
};

const LIMIT_MS = 150_000;
/** Apart from the pools of other tests. */
const NETWORKS = Array.from({ length: 40 }, (_, index) => `127.77.${index + 211}`);

/** The real daemon, and a rack whose blank machines are to become a cluster of Talos. */
export async function openTalosWorld(
  machines: number,
  { faults = [] }: { readonly faults?: readonly string[] } = {},
): Promise<TalosWorld> {
  await using stack = new AsyncDisposableStack();
  const { network } = stack.use(await loopbackNetwork(NETWORKS));
  const world = stack.use(
    await openRackWorld({
      machines,
      limitMs: LIMIT_MS,
      pool: `${network}.1-${network}.253`,
      rackArgs: faults.flatMap((fault) => ['--talos-fault', fault]),
    }),
  );
  const owned = stack.move();
  const { daemon } = world;
  const names = world.specs.map(({ name }) => name);
  const specOf = (name: string): MachineSpec => world.specs.find((one) => one.name === name) ?? assert.fail(name);
  const told = (job: Job): string =>
    [
      `${job.kind} on ${job.machine} ${job.state}: ${job.result?.because ?? ''}`,
      ...world.screenOf(specOf(job.machine)).slice(-30),
      daemon.output().slice(-3000),
    ].join('\n');
  return {
    ...world,
    names,
    async jobs(kind, wanted, { asked = {}, ends = 'done' } = {}) {
      const ask = () => daemon.api<PlanAnswer>('POST', '/api/v1/plans', { kind, machines: wanted, ...asked });
      // The inventory, and an image's first reading, may still be on their way.
      const { items } = await waitFor('the plans', () => ask().catch(() => undefined), 20_000);
      for (const plan of items) assert.deepEqual(plan.refusals, []);
      const { items: begun } = await daemon.api<{ readonly items: readonly Job[] }>('POST', '/api/v1/jobs', {
        jobs: items.map((plan) => ({
          kind,
          machine: plan.machine,
          plan: { id: plan.id, digest: plan.digest },
          acknowledge: plan.acknowledge.map(({ say }) => say),
        })),
      });
      const ended = await Promise.all(
        begun.map(async ({ id, machine }) => {
          let last: Job | undefined;
          return await waitFor(
            `the end of ${kind} on ${machine}`,
            async () => {
              await sleep(250);
              last = await daemon.api<Job>('GET', `/api/v1/jobs/${id}`);
              return isOver(last.state) && last;
            },
            LIMIT_MS,
          ).catch((cause: unknown) => {
            throw new Error(last ? `${told(last)}\n${JSON.stringify(last.steps, undefined, 1)}` : machine, { cause });
          });
        }),
      );
      for (const job of ended) assert.equal(job.state, ends, told(job));
      return ended;
    },
    async cluster({ controlPlane, workers }, talos) {
      await daemon.apply([
        {
          kind: 'Cluster',
          name: 'home',
          talos,
          kubernetes: '1.34.1',
          endpoint: 'https://127.77.0.100:6443',
          controlPlane,
          workers,
        },
      ]);
    },
    state: () => daemon.api<ClusterStateText>('GET', '/api/v1/clusters/home/state'),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** From blank machines to a cluster that is ready, by its document and one install for all. */
export async function createCluster(
  world: TalosWorld,
  members: Members,
  talos: string,
  profile: string = talosName(talos),
): Promise<void> {
  const all = [...members.controlPlane, ...members.workers];
  await inspect(world, all);
  await world.cluster(members, talos);
  await world.jobs('install', all, { asked: { profile } });
}

/** What is on the disks of these is known anew. */
export async function inspect({ daemon }: TalosWorld, machines: readonly string[]): Promise<void> {
  const { items } = await daemon.api<{ readonly items: readonly Job[] }>('POST', '/api/v1/jobs', {
    jobs: machines.map((machine) => ({ kind: 'inspect', machine })),
  });
  for (const { id, machine } of items) {
    const job = await waitFor(
      `the inspection of ${machine}`,
      async () => {
        await sleep(250);
        const now = await daemon.api<Job>('GET', `/api/v1/jobs/${id}`);
        return isOver(now.state) && now;
      },
      LIMIT_MS,
    );
    assert.equal(job.state, 'done', job.result?.because);
  }
}
