import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pino } from 'pino';
import type { OperateRequest } from '#machines/api/messages/agent.ts';
import type { Disks } from '#machines/agent/disks/disk.ts';
import { fileDisks } from '#machines/agent/disks/file-disks.ts';
import { inventory as inventorySchema } from '#machines/contract/inventory.ts';
import type { Job } from '#machines/contract/job.ts';
import { makePlan } from '#machines/decide/jobs/make-plan.ts';
import type { Agents } from '#server/jobs/contract.ts';
import { erasureKeeper } from '#server/jobs/erasure.ts';
import { recipes } from '#server/jobs/recipe.ts';
import { liveAgents } from '#services/agents/live-agents.ts';
import { BmcError } from '#services/bmc/contract.ts';
import { certificateSigner } from '#services/certificates/signer.ts';
import { openJobs, type RunningJobs } from '#services/jobs/open-jobs.ts';
import { openPlans } from '#services/jobs/plans.ts';
import type { MachineApiClient } from '#services/machine-api/client.ts';
import { MachineApiError } from '#services/machine-api/machine-api-error.ts';
import { memoryJobStore } from '#test/services/store/memory-job-store.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';
import { servedAgent } from '#test/machines/agent/api/served-agent.ts';
import { testAuthority } from '#test/machines/agent/certificates.ts';
import { shortWait } from './job-world.ts';
import { seededRandom } from '#test/server/tftp/lossy-relay.ts';

/** Larger than what is held back of an image until the rest is proven. */
export const IMAGE_BYTES = 5 << 20;
const DISK_BYTES = 6 << 20;
const DISKS = ['sda', 'sdb', 'sdc'] as const;
const BEAT_MS = 1000;

export const FAULTY_KINDS = ['install', 'reprovision', 'retire'] as const;
export type FaultyKind = (typeof FAULTY_KINDS)[number];

/** What went wrong on purpose, in the words that a job is told of it. */
export const FAULTS = {
  bmc: 'the BMC refused, on purpose',
  call: 'the call was lost, on purpose',
  answer: 'the answer was lost, on purpose',
  power: 'is gone in the middle of it',
  download: 'the download broke, on purpose',
  short: /the image ended after \d+ of \d+ bytes/,
} as const;

type Fault = keyof typeof FAULTS;

/** What may go wrong in which step. */
const FAULTS_OF: Readonly<Record<string, readonly Fault[]>> = {
  'boot-agent': ['bmc'],
  'prove-machine': ['call', 'answer'],
  'wipe-disks': ['call', 'answer', 'power'],
  'write-image': ['call', 'answer', 'power', 'download', 'short'],
  'boot-disk': ['call', 'answer'],
  'power-off': ['bmc'],
};

type Agent = Awaited<ReturnType<typeof servedAgent>>;
type Faulty = {
  readonly name: string;
  readonly dir: string;
  readonly random: () => number;
  /** Its boot of now. */
  agent: Agent | undefined;
  attempt: string;
  boots: number;
  readonly power: { gone: AbortController };
  turn: string;
  next: { readonly what: Fault; skips: number } | undefined;
  /** What was injected, in order. */
  readonly injected: string[];
  /** What the agent was asked for although it must not be. */
  readonly wrong: string[];
};

/**
 * The daemon's jobs over a store in memory, and machines that run the real agent's machine API over files as disks. In each
 * try of a step something goes wrong with probability `rate`: a BMC refuses; a call to the agent is lost, or its answer;
 * the machine loses its power while it writes; the download of the image breaks, or ends early. The same seed makes the
 * same choices.
 */
export async function faultWorld(options: { readonly machines: number; readonly rate: number; readonly seed: number }) {
  const { rate, seed } = options;
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'ingot-fault-world-'));
  stack.defer(() => rm(dir, { recursive: true, maxRetries: 3 }));
  const authority = await testAuthority();
  const live = liveAgents({ now: Date.now });
  const image = randomBytes(IMAGE_BYTES);
  const sha256 = createHash('sha256').update(image).digest('hex');
  const plans = openPlans<undefined>({ now: Date.now, newId: randomUUID });

  const inventoryOf = (name: string) =>
    inventorySchema.parse({
      source: 'agent',
      at: 0,
      system: { serial: `SN-${name}` },
      disks: DISKS.map((disk) => ({ name: disk, serial: `${name}-${disk}`, bytes: DISK_BYTES })),
      nics: [{ name: 'eth0', mac: '52:54:00:00:00:01' }],
    });

  const machines = new Map<string, Faulty>();
  for (let index = 1; index <= options.machines; index++) {
    const name = `m${index}`;
    const at = join(dir, name);
    await mkdir(at);
    for (const disk of DISKS) await writeFile(join(at, disk), randomBytes(DISK_BYTES));
    machines.set(name, {
      name,
      dir: at,
      random: seededRandom(seed * 1000 + index),
      agent: undefined,
      attempt: '',
      boots: 0,
      power: { gone: new AbortController() },
      turn: '',
      next: undefined,
      injected: [],
      wrong: [],
    });
  }
  const machineOf = (name: string): Faulty => {
    const found = machines.get(name);
    if (!found) throw new Error(`there is no machine ${name}`);
    return found;
  };
  let jobs: RunningJobs | undefined;
  /** Decided once for each try of a step: whether something goes wrong in it, what, and how soon. */
  function strikes(machine: Faulty, what: Fault): boolean {
    const [job] = jobs?.unfinishedOf(machine.name) ?? [];
    const step = job?.steps.find(({ state }) => state === 'running');
    if (!job || !step) return false;
    const turn = `${job.id} ${step.name} ${step.tries}`;
    if (machine.turn !== turn) {
      machine.turn = turn;
      const choices = FAULTS_OF[step.name] ?? [];
      const chosen = choices[Math.floor(machine.random() * choices.length)];
      const skips = Math.floor(machine.random() * 2);
      machine.next = machine.random() < rate && chosen !== undefined ? { what: chosen, skips } : undefined;
    }
    if (machine.next?.what !== what) return false;
    if (machine.next.skips > 0) {
      machine.next.skips -= 1;
      return false;
    }
    machine.next = undefined;
    machine.injected.push(`${step.name}: ${what}`);
    return true;
  }

  /** Its power is gone: nothing more is written, and nothing is heard of it. */
  async function losePower(machine: Faulty): Promise<void> {
    const { agent, attempt } = machine;
    machine.agent = undefined;
    machine.power.gone.abort(new Error('no power'));
    live.left(machine.name, attempt);
    await agent?.[Symbol.asyncDispose]();
  }
  stack.defer(async () => {
    for (const machine of machines.values()) await losePower(machine);
  });

  async function boot(machine: Faulty): Promise<void> {
    await losePower(machine);
    machine.power.gone = new AbortController();
    machine.boots += 1;
    machine.attempt = `${machine.name}-${machine.boots}`;
    const agent = await servedAgent({
      read: inventoryOf(machine.name),
      around: {
        authority,
        disks: poweredDisks(machine),
        fetch: async () => {
          if (strikes(machine, 'download')) return broken(image, new Error(FAULTS.download));
          if (strikes(machine, 'short')) return broken(image, undefined);
          return Readable.from(pieces(image));
        },
      },
    });
    machine.agent = agent;
    agent.letGo();
    const { attempt } = machine;
    void (async () => {
      await agent.machine.restarted;
      if (machine.attempt === attempt) await losePower(machine);
    })();
    live.registered({
      machine: machine.name,
      attempt,
      address: '127.0.0.1',
      port: agent.port,
      registeredAt: Date.now(),
    });
  }
  const heartbeat = setInterval(() => {
    for (const { name, attempt, agent } of machines.values()) if (agent) live.heard(name, attempt);
  }, BEAT_MS);
  stack.defer(() => clearInterval(heartbeat));

  /** Calls that get lost on their way there, or back. */
  function lossy(machine: Faulty, api: MachineApiClient): MachineApiClient {
    const lost = (what: 'call' | 'answer'): MachineApiError => new MachineApiError('unreachable', FAULTS[what]);
    return {
      async call(path, request, how) {
        if (strikes(machine, 'call')) throw lost('call');
        const answer = await api.call(path, request, how);
        if (strikes(machine, 'answer')) throw lost('answer');
        return answer;
      },
      async *stream(path, request, how) {
        if (strikes(machine, 'call')) throw lost('call');
        if (path === '/ingot.AgentService/Operate') checkAsked(machine, request, jobs);
        const breaks = strikes(machine, 'answer');
        if (strikes(machine, 'power')) setTimeout(() => void losePower(machine), machine.random() * 40);
        for await (const one of api.stream(path, request, how)) {
          yield one;
          if (breaks) throw lost('answer');
        }
      },
      [Symbol.dispose]: () => api[Symbol.dispose](),
    };
  }
  const agents: Agents = {
    ...live,
    async open({ machine: name }) {
      const machine = machineOf(name);
      if (!machine.agent) throw new MachineApiError('unreachable', FAULTS.power);
      return lossy(machine, await machine.agent.as('os:admin'));
    },
  };
  const secrets = new Map<string, string>();
  const recipe = recipes({
    mayWrite: () => ({ kind: 'allowed' }),
    agents,
    installers: {
      permit: async () => 'grant',
      attemptsOf: async () => [],
      eventsOf: async () => [],
      watch: () => () => {},
      over: async () => {},
    },
    boots: { permit: async () => {} },
    power: {
      async netboot(name) {
        const machine = machineOf(name);
        if (strikes(machine, 'bmc')) throw new BmcError('refused', FAULTS.bmc);
        await boot(machine);
      },
      async off(name) {
        const machine = machineOf(name);
        if (strikes(machine, 'bmc')) throw new BmcError('refused', FAULTS.bmc);
        await losePower(machine);
      },
    },
    keepInventory: async () => {},
    diskImages: {
      get: async () => ({
        kind: 'ready',
        image: {
          blob: { size: image.length, etag: 'e', modifiedAt: 0, contentType: 'x', path: 'p' },
          compression: 'none',
          sha256,
          rawBytes: image.length,
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
    imagePath: () => `/agent/images/${sha256}`,
    besideImage: () => ({ ok: true, work: { grow: null, seeds: [], efi_entry: null } }),
    now: Date.now,
    startedAt: 0,
  });
  jobs = await openJobs({
    store: memoryJobStore(),
    recipe,
    rackOf: (name) => name,
    wait: shortWait,
    caps: { daemon: options.machines, rack: 1 },
    now: Date.now,
    newId: randomUUID,
    log: pino({ level: 'silent' }),
  });
  const control = new AbortController();
  const running = jobs.run(control.signal);
  stack.defer(async () => {
    control.abort();
    await running;
  });
  const owned = stack.move();
  const all = jobs;
  return {
    jobs: all,
    machines: [...machines.values()],
    image,
    content: ({ dir: at }: Faulty, disk: (typeof DISKS)[number]): Promise<Buffer> => readFile(join(at, disk)),
    /** A confirmed plan as a job: the image goes to `sda`, `sdc` is kept. */
    async submit({ name }: Faulty, kind: FaultyKind): Promise<Job> {
      const disks = { install: { serial: `${name}-sda` }, keep: [`${name}-sdc`] };
      const draft = makePlan({
        kind,
        machine: sampleMachine({ name, macs: ['52:54:00:00:00:01'], disks }),
        inventory: inventoryOf(name),
        ...(kind === 'retire'
          ? {}
          : { profile: { name: 'debian', image: 'debian', imageSha256: sha256, bytes: image.length } }),
        sharedWwns: new Set(),
        now: Date.now(),
      });
      const plan = plans.keep(draft, undefined);
      const confirmed = { by: 'anna', at: Date.now(), digest: plan.digest, said: [] };
      return await all.submit({ kind, machine: name, by: 'anna', plan, confirmed });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A step that is done asks for nothing any more, and nothing is written before the wipe is done. */
function checkAsked(machine: Faulty, request: unknown, jobs: RunningJobs | undefined): void {
  const { id, wipe } = request as Partial<OperateRequest>;
  const [job] = jobs?.unfinishedOf(machine.name) ?? [];
  const step = job?.steps.find(({ name }) => name === (wipe ? 'wipe-disks' : 'write-image'));
  if (step?.state !== 'running') machine.wrong.push(`${id}: asked for while its step is ${step?.state}`);
}

/** The machine's disks; they take nothing more once its power is gone. */
function poweredDisks({ name, dir, power: { gone } }: Faulty): Disks {
  const disks = DISKS.map((disk) => ({
    name: disk,
    serial: `${name}-${disk}`,
    bytes: DISK_BYTES,
    sectorBytes: 512,
    rotational: false,
  }));
  const files = fileDisks({ dir, disks, signaturesOf: async () => [] });
  return {
    ...files,
    async open(disk) {
      gone.signal.throwIfAborted();
      const opened = await files.open(disk);
      return {
        ...opened,
        async write(bytes, position) {
          gone.signal.throwIfAborted();
          await opened.write(bytes, position);
        },
        [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
      };
    },
  };
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1 << 18) yield bytes.subarray(at, at + (1 << 18));
}

/** Half of it, then the error or the end. */
function broken(bytes: Buffer, error: Error | undefined): Readable {
  return Readable.from(
    (function* () {
      yield* pieces(bytes.subarray(0, bytes.length / 2));
      if (error) throw error;
    })(),
  );
}
