import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { type Inventory, inventory as inventorySchema } from '#machines/contract/inventory.ts';
import { isOver, type Job } from '#machines/contract/job.ts';
import { mayDo } from '#machines/decide/actions.ts';
import { type AgentPlannedKind, makePlan } from '#machines/decide/jobs/make-plan.ts';
import type { Agents } from '#server/jobs/contract.ts';
import { erasureKeeper } from '#server/jobs/erasure.ts';
import type { Installers } from '#server/jobs/installer-steps.ts';
import { recipes, type TalosOwn } from '#server/jobs/recipe.ts';
import { liveAgents } from '#services/agents/live-agents.ts';
import { certificateSigner } from '#services/certificates/signer.ts';
import { openJobs, type RunningJobs } from '#services/jobs/open-jobs.ts';
import { openPlans } from '#services/jobs/plans.ts';
import { DISK_BYTES, servedAgent } from '#test/machines/agent/api/served-agent.ts';
import { memoryJobStore } from '#test/services/store/memory-job-store.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';

export const INVENTORY = inventorySchema.parse({
  source: 'agent',
  at: 0,
  system: { serial: 'SN1', uuid: '00112233-4455-6677-8899-aabbccddeeff' },
  disks: ['sda', 'sdb'].map((name) => ({ name, serial: `S-${name}`, bytes: DISK_BYTES })),
  nics: [{ name: 'eth0', mac: '52:54:00:00:00:01' }],
});

const NO_INSTALLERS: Installers = {
  permit: async () => 'grant',
  attemptsOf: async () => [],
  eventsOf: async () => [],
  watch: () => () => {},
  over: async () => {},
};

const machineOf = (disks: object) => sampleMachine({ macs: ['52:54:00:00:00:01'], disks });

/**
 * The daemon's jobs over a store in memory, and one machine that runs the real agent's machine API over files as disks. What
 * stands between, network boot and power, is the test's.
 */
export async function jobWorld({
  answers = INVENTORY,
  installers = NO_INSTALLERS,
  byHand = false,
  isLocked = false,
  outOfBand,
  talos,
}: {
  readonly answers?: typeof INVENTORY;
  readonly installers?: Installers;
  /** The machine has no BMC. */
  readonly byHand?: boolean;
  /** Somebody has locked it since its jobs were asked for. */
  readonly isLocked?: boolean;
  /** What its BMC says that it is made of. */
  readonly outOfBand?: typeof INVENTORY;
  /** Machines of clusters of Talos; `jobs` are those of the newest daemon. */
  readonly talos?: (jobs: () => RunningJobs) => TalosOwn;
} = {}) {
  const store = memoryJobStore();
  const inventories = new Map<string, Inventory>();
  const agent = await servedAgent({ read: answers });
  const live = liveAgents({ now: Date.now });
  const secrets = new Map<string, string>();
  const netboots: string[] = [];
  const permitted: string[] = [];
  const image = { bytes: agent.image, sha256: createHash('sha256').update(agent.image).digest('hex') };
  const plans = openPlans<undefined>({ now: Date.now, newId: randomUUID });

  /** What DHCP, HTTP and the machine plane come to. */
  const registers = (attempt: string): void =>
    live.registered({ machine: 'm1', attempt, address: '127.0.0.1', port: agent.port, registeredAt: Date.now() });
  const heartbeat = setInterval(() => {
    const present = live.of('m1');
    if (present) live.heard('m1', present.attempt);
  }, 1000);

  const agents: Agents = { ...live, open: () => agent.as('os:admin') };
  let newest: RunningJobs | undefined;
  const recipe = recipes({
    ...(talos ? { talos: talos(() => newest ?? assert.fail('no daemon runs')) } : {}),
    agents,
    installers,
    mayWrite: () => mayDo('write-disks', sampleMachine({}, { locked: isLocked })),
    boots: { permit: async (machine, by) => void permitted.push(`${machine} by ${by}`) },
    power: {
      async netboot(machine, _asked, signal) {
        netboots.push(machine);
        // The person who holds the switch never says that it was done.
        if (byHand) await rejectedAt(signal);
        registers(`attempt-${netboots.length}`);
      },
      off: async () => {},
    },
    keepInventory: async (machine, inventory) => void inventories.set(machine, inventory),
    diskImages: {
      get: async () => ({
        kind: 'ready',
        image: {
          blob: { size: image.bytes.length, etag: 'e', modifiedAt: 0, contentType: 'x', path: 'p' },
          compression: 'none',
          sha256: image.sha256,
          rawBytes: image.bytes.length,
        },
      }),
    },
    erased: erasureKeeper({
      signer: certificateSigner({
        read: async (name) => secrets.get(name),
        write: async (name, text) => void secrets.set(name, text),
      }),
      site: 'test',
      now: Date.now,
      newId: randomUUID,
    }),
    imagePath: (_image, sha256) => `/agent/images/${sha256}`,
    besideImage: () => ({ ok: true, work: { grow: null, seeds: [], efi_entry: null } }),
    now: Date.now,
    startedAt: 0,
  });

  const daemons = new Set<() => Promise<void>>();
  return {
    agent,
    live,
    netboots,
    permitted,
    registers,
    image,
    /** The newest of each machine. */
    inventories,
    /** A daemon; `stop` ends it as SIGTERM does, `kill` as SIGKILL: from then on nothing of it reaches the store. */
    async daemon(): Promise<{
      readonly jobs: RunningJobs;
      readonly stop: () => Promise<void>;
      readonly kill: () => Promise<void>;
    }> {
      let isDead = false;
      const writing = new Set<Promise<unknown>>();
      const jobs = await openJobs({
        store: {
          ...store,
          put: async (...about) => {
            if (isDead) throw new Error('the daemon was killed');
            const written = store.put(...about);
            writing.add(written);
            return await written.finally(() => writing.delete(written));
          },
        },
        recipe,
        rackOf: () => '',
        wait: shortWait,
        now: Date.now,
        newId: randomUUID,
        log: pino({ level: 'silent' }),
      });
      newest = jobs;
      const control = new AbortController();
      const running = jobs.run(control.signal);
      const stop = async (): Promise<void> => {
        control.abort();
        await running;
        daemons.delete(stop);
      };
      daemons.add(stop);
      const kill = async (): Promise<void> => {
        isDead = true;
        await Promise.allSettled(writing);
        await stop();
      };
      return { jobs, stop, kill };
    },
    /** A confirmed plan as a job. */
    async submit(
      jobs: RunningJobs,
      kind: AgentPlannedKind,
      disks: object = { install: { serial: 'S-sda' } },
      os?: 'installer',
    ): Promise<Job> {
      const draft = makePlan({
        kind,
        machine: machineOf(disks),
        inventory: INVENTORY,
        outOfBand,
        profile:
          os === undefined
            ? { name: 'debian', image: 'debian', imageSha256: image.sha256, bytes: image.bytes.length }
            : { name: 'debian', image: 'netboot', os },
        sharedWwns: new Set(),
        now: Date.now(),
      });
      const plan = plans.keep(draft, undefined);
      const confirmed = { by: 'anna', at: Date.now(), digest: plan.digest, said: [] };
      return await jobs.submit({ kind, machine: 'm1', by: 'anna', plan, confirmed });
    },
    async [Symbol.asyncDispose]() {
      clearInterval(heartbeat);
      for (const stop of daemons) await stop();
      await agent[Symbol.asyncDispose]();
    },
  };
}

/** What is waited for here needs no time to come. */
export const shortWait = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(Math.min(ms, 10), undefined, { signal });

const rejectedAt = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));

/** The job as soon as it is as wanted. */
export async function when(jobs: RunningJobs, id: string, wanted: (job: Job) => boolean): Promise<Job> {
  const { promise, resolve } = Promise.withResolvers<Job>();
  const stop = jobs.watch((job) => {
    if (job.id === id && wanted(job)) resolve(job);
  });
  try {
    const now = await jobs.get(id);
    return now && wanted(now) ? now : await promise;
  } finally {
    stop();
  }
}

export const ended = (jobs: RunningJobs, id: string): Promise<Job> => when(jobs, id, ({ state }) => isOver(state));
