import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { type ClusterDocument, clusterDocument } from '#machines/contract/cluster.ts';
import { type Document, profileDocument } from '#machines/contract/documents.ts';
import { isOver, type Job, type JobBatch, type JobKind, type Plan } from '#machines/contract/job.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { secretsYaml } from '#machines/os/talos/secrets.ts';
import { disksOf } from '#machines/rack/node/thin-disks.ts';
import type { MachineSpec } from '#machines/rack/spec.ts';
import type { TalosFaults } from '#machines/rack/talos/decide/faults.ts';
import type { UpkeepTimes } from '#server/jobs/talos/install-steps.ts';
import { talosReach } from '#server/jobs/talos/reach.ts';
import { type UpkeepKind, upkeepPlanner } from '#server/jobs/talos/upkeep-plan.ts';
import { openPlans } from '#services/jobs/plans.ts';
import type { MachineApiDefinition, WireMethod } from '#services/machine-api/definition.ts';
import { clusterConfigs } from '#services/talos/configs.ts';
import { clusterSecrets } from '#services/talos/cluster-secrets.ts';
import type { TalosNode } from '#services/talos/node.ts';
import { secretsName } from '#services/talos/secrets.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';
import { definition, secretsFor, talosRig } from '#test/machines/rack/talos/rig.ts';
import type { Cable } from './cable.ts';
import { jobWorld, when } from './job-world.ts';

export const VERSION = 'v1.13.2';
export const NEXT = 'v1.13.9';
const SECRETS = secretsFor(VERSION);
const TIMES: UpkeepTimes = {
  look: 50,
  maintenance: 10_000,
  install: 20_000,
  bootstrap: 6000,
  ready: 20_000,
  reboot: 20_000,
  settle: 15_000,
  reset: 10_000,
};
export const INSTALL = ['apply-config', 'watch-install', 'await-ready'];
export const BOOTSTRAP = ['apply-config', 'watch-install', 'bootstrap-etcd', 'await-ready'];
const PROFILE = profileDocument.parse({ kind: 'Profile', name: 'talos', os: 'talos', image: 'talos' });

/** The jobs of the daemon, and machines of the rack that wait in maintenance. */
export async function talosWorld(options: {
  readonly controlPlanes?: number;
  readonly workers?: number;
  readonly faults?: TalosFaults;
  readonly times?: Partial<UpkeepTimes>;
  /** The daemon’s way to the machines, which the test can cut; else it is the wire itself. */
  readonly cable?: Cable;
}) {
  const { controlPlanes = 1, workers = 0, faults, cable } = options;
  const arrivals = requestArrivals();
  await using stack = new AsyncDisposableStack();
  const rig = stack.use(
    await talosRig({
      version: VERSION,
      machines: controlPlanes + workers,
      definition: arrivals.definition,
      ...(faults ? { faults } : {}),
    }),
  );
  const names = rig.machines.map(({ spec }) => spec.name);
  let cluster: ClusterDocument | undefined = clusterDocument.parse({
    kind: 'Cluster',
    name: 'home',
    talos: VERSION,
    // What v1.14 runs no more.
    kubernetes: '1.31.4',
    endpoint: 'https://192.0.2.1:6443',
    controlPlane: names.slice(0, controlPlanes),
    workers: names.slice(controlPlanes),
  });
  const sealed = new Map([[secretsName('home'), secretsYaml(await SECRETS)]]);
  const secrets = clusterSecrets({
    vault: {
      read: async (name) => sealed.get(name),
      write: async (name, text) => void sealed.set(name, text),
      remove: async (name) => sealed.delete(name),
    },
    random: randomBytes,
    now: Date.now,
  });
  const machineOf = (name: string): Machine => {
    const found = sampleMachine({});
    return { ...found, document: { ...found.document, name } };
  };
  const noted: object[] = [];
  const registry = {
    machine: machineOf,
    profile: () => PROFILE,
    documents: () => (cluster ? [{ document: cluster, rev: 1 }] : []),
    async put(document: Document) {
      assert.ok(document.kind === 'Cluster');
      cluster = document;
      return { kind: 'done', value: { rev: 2, change: 'changed' } } as const;
    },
    clusterOf: (name: string) => (names.includes(name) ? cluster : undefined),
    classes: () => [],
    network: () => undefined,
    note: (machine: string, facts: object) => void noted.push({ machine, ...facts }),
  };
  const indexOf = (name: string): number => names.indexOf(name);
  const reach = talosReach({
    definition,
    secrets,
    addressesOf: async (name) => [rig.machine(indexOf(name)).address],
    now: Date.now,
    ...(cable ? { port: cable.port } : {}),
  });
  if (cable) stack.use(await cable.plug(rig.machines.map(({ address }) => address)));
  const world = stack.use(
    await jobWorld({
      talos: (jobs) => ({
        reach,
        configs: clusterConfigs({ registry, secrets }),
        secrets,
        registry,
        jobs,
        times: { ...TIMES, ...options.times },
        isOff: async (name) => rig.machine(indexOf(name)).story.at(-1)?.endsWith('shutdown') === true,
      }),
    }),
  );
  let daemon = await world.daemon();
  const plans = openPlans<undefined>({ now: Date.now, newId: randomUUID });
  const upkeep = upkeepPlanner({ reach, now: Date.now });

  const submit = async (draft: Omit<Plan, 'id' | 'digest'>, batch?: JobBatch): Promise<Job> => {
    const plan = plans.keep(draft, undefined);
    const said = plan.acknowledge.map(({ say }) => say);
    const confirmed = { by: 'anna', at: Date.now(), digest: plan.digest, said };
    const wanted = { kind: plan.kind, machine: plan.machine, by: 'anna', plan, confirmed };
    return await daemon.jobs.submit({ ...wanted, ...(batch ? { batch } : {}) });
  };
  const submitInstall = async (index: number, change: Partial<Plan> = {}): Promise<Job> => {
    const { spec } = rig.machine(index);
    const role = index < controlPlanes ? 'controlplane' : 'worker';
    const steps = index === 0 ? BOOTSTRAP : INSTALL;
    return await submit({ ...installPlan(spec, role), steps, ...change });
  };
  const over = (id: string): Promise<Job> => when(daemon.jobs, id, ({ state }) => isOver(state));
  const install = async (index: number, change: Partial<Plan> = {}): Promise<Job> =>
    await over((await submitInstall(index, change)).id);
  const draftOf = async (kind: UpkeepKind, index: number, asked: object): Promise<Omit<Plan, 'id' | 'digest'>> => {
    const name = names[index] ?? '';
    const outcome = await upkeep({ kind, machine: name, ...asked }, machineOf(name), cluster);
    assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
    assert.deepEqual(outcome.value.refusals, []);
    return outcome.value;
  };
  const killed = async (): Promise<void> => {
    await daemon.kill();
    daemon = await world.daemon();
  };
  const owned = stack.move();
  return {
    rig,
    names,
    secrets,
    noted,
    install,
    submitInstall,
    over,
    arrivals,
    cluster: () => cluster ?? assert.fail('the cluster is gone'),
    /** A job under a plan that is changed before it is confirmed. */
    async submitUpkeep(
      kind: UpkeepKind,
      index: number,
      asked: object = {},
      change: (plan: Omit<Plan, 'id' | 'digest'>) => Omit<Plan, 'id' | 'digest'> = (plan) => plan,
    ): Promise<Job> {
      return await submit(change(await draftOf(kind, index, asked)));
    },
    /** The job as soon as it is as wanted, as the daemon of now has it. */
    when: (id: string, wanted: (job: Job) => boolean): Promise<Job> => when(daemon.jobs, id, wanted),
    /** The daemon ends in the middle of what it does, and another one begins. */
    killed,
    /** The same as soon as a request of that method has reached a machine. */
    async killedAt(path: string): Promise<void> {
      await arrivals.next(path);
      await killed();
    },
    async restarted(): Promise<void> {
      await daemon.stop();
      daemon = await world.daemon();
    },
    async installed(indexes: readonly number[]): Promise<void> {
      for (const index of indexes) {
        const job = await install(index);
        assert.equal(job.state, 'done', `${told(job)}\n${rig.machine(index).screen.slice(-20).join('\n')}`);
      }
    },
    async upkeep(kind: UpkeepKind, indexes: readonly number[], asked: object = {}): Promise<readonly Job[]> {
      const drafts = await Promise.all(indexes.map((index) => draftOf(kind, index, asked)));
      const batch = { id: 'one', size: drafts.length, maxFailures: 0 };
      const begun: Job[] = [];
      for (const draft of drafts) begun.push(await submit(draft, batch));
      return await Promise.all(begun.map(({ id }) => over(id)));
    },
    plan: (kind: UpkeepKind, index: number, asked: object = {}) =>
      upkeep({ kind, machine: names[index] ?? '', ...asked }, machineOf(names[index] ?? ''), cluster),
    /** As of a machine that says something else of itself. */
    planOfOther: (other: Partial<TalosNode>, kind: UpkeepKind, index: number, asked: object = {}) => {
      const node: typeof reach.node = async (...about) => {
        const opened = await reach.node(...about);
        return Object.assign(opened, { node: { ...opened.node, ...other } });
      };
      const machine = names[index] ?? '';
      return upkeepPlanner({ reach: { node }, now: Date.now })(
        { kind, machine, ...asked },
        machineOf(machine),
        cluster,
      );
    },
    runs: async (index: number) => {
      using opened = await reach.node(cluster ?? assert.fail(), names[index] ?? '', AbortSignal.timeout(5000));
      return opened.node.version.patch;
    },
    forgetCluster: () => void (cluster = undefined),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export function installPlan(spec: MachineSpec, role: 'controlplane' | 'worker'): Omit<Plan, 'id' | 'digest' | 'steps'> {
  const [disk] = disksOf(spec);
  assert.ok(disk);
  return {
    kind: 'install',
    machine: spec.name,
    createdAt: Date.now(),
    profile: 'talos',
    image: 'talos',
    disks: [
      {
        name: disk.name,
        serial: disk.serial,
        bytes: disk.bytes,
        signatures: [],
        act: 'write',
        because: '',
        vetoes: [],
      },
    ],
    identifiers: [
      { kind: 'uuid', value: spec.uuid },
      { kind: 'disk', value: disk.serial },
    ],
    talos: { cluster: 'home', role, keeps: [] },
    acknowledge: [],
    refusals: [],
  };
}

/** What reaches machines of the methods of their API, as they read it. */
function requestArrivals() {
  const arrived: string[] = [];
  const waiting = new Set<(path: string) => void>();
  const methods = new Map(
    [...definition.methods].map(([path, method]): [string, WireMethod] => [
      path,
      {
        ...method,
        requestDeserialize(bytes) {
          arrived.push(path);
          for (const listener of waiting) listener(path);
          return method.requestDeserialize(bytes);
        },
      },
    ]),
  );
  return {
    definition: { ...definition, methods } satisfies MachineApiDefinition,
    count: (path: string): number => arrived.filter((one) => one === path).length,
    async next(path: string): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      const listener = (one: string): void => void (one === path && resolve());
      waiting.add(listener);
      await promise;
      waiting.delete(listener);
    },
  };
}

export const told = (job: Job): string =>
  [
    `${job.state}: ${job.result?.because ?? ''}`,
    ...job.steps.map(({ name, tries, text }) => `${name} (${tries}): ${text}`),
  ].join('\n');
export const kinds = (jobs: readonly Job[]): readonly [JobKind, string][] =>
  jobs.map(({ kind, state }) => [kind, state]);
