import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Plan, PlannedDisk } from '#machines/contract/job.ts';
import type { InventoryDisk } from '#machines/contract/inventory.ts';
import type { BesideImageAnswer } from '#machines/os/image/beside-image.ts';
import type { Step, StepContext, StepOutcome } from '#services/jobs/contract.ts';
import type { DiskImages } from '#services/images/contract.ts';
import {
  agentOf,
  type AgentParts,
  confirmedPlan,
  freshInventory,
  NotProven,
  powerAsked,
  type ProvenAgent,
  provenAgent,
  rebootAgent,
  WRITE_BEGUN,
} from './agent-session.ts';
import { operate } from './operate.ts';
import { done, failed, MINUTE_MS } from './step-outcome.ts';

export type StepParts = AgentParts & {
  readonly diskImages: DiskImages;
  /** What an erasure came to, by disk: for its certificate. */
  readonly erased: (context: StepContext, plan: Plan, disks: readonly unknown[]) => Promise<string>;
  /** Where the agent reads an image from: a path of the machine plane. */
  readonly imagePath: (image: string, sha256: string) => string;
  /** What is done to the disk beside the image, by the documents of now. */
  readonly besideImage: (machine: string, profile: string | undefined, job: string) => BesideImageAnswer;
};

/** Between a confirmation of many and the first of them: it may be called off. */
export function holdStep({ now }: Pick<StepParts, 'now'>): Step {
  const left = (context: StepContext): number => Number(context.job().notes['holdUntil'] ?? 0) - now();
  return {
    name: 'hold',
    tries: 10,
    silentMs: MINUTE_MS,
    async run(context) {
      while (left(context) > 0) {
        context.progress(`begins in ${Math.ceil(left(context) / 1000)} s; ingot job cancel ${context.job().id}`);
        await sleep(Math.min(1000, Math.max(1, left(context))), undefined, { signal: context.signal });
      }
      return done('nobody called it off');
    },
  };
}

export function bootAgentStep(parts: StepParts): Step {
  return {
    name: 'boot-agent',
    tries: 3,
    silentMs: 5 * MINUTE_MS,
    async already(context) {
      const agent = parts.agents.of(context.job().machine);
      return agent && `the agent is up at ${agent.address}`;
    },
    async run(context) {
      const agent = await agentOf(context, parts);
      return done(`the agent is up at ${agent.address}, boot attempt ${agent.attempt}`);
    },
  };
}

export function takeInventoryStep(parts: StepParts): Step {
  return {
    name: 'take-inventory',
    tries: 3,
    silentMs: 5 * MINUTE_MS,
    async run(context) {
      const agent = await agentOf(context, parts);
      using api = await parts.agents.open(agent, context.signal);
      const inventory = await freshInventory(api, context.signal, parts.now());
      await parts.keepInventory(agent.machine, inventory);
      const { disks, nics, processors } = inventory;
      return done(`${processors.length} processors, ${disks.length} disks, ${nics.length} NICs`);
    },
  };
}

export function proveMachineStep(parts: StepParts): Step {
  return {
    name: 'prove-machine',
    tries: 5,
    silentMs: 5 * MINUTE_MS,
    run: (context) =>
      proven(context, async (plan) => {
        using session = await provenAgent(context, plan, parts);
        const touched = session.disks.map(({ planned }) => labelOf(planned)).join(', ');
        return done(`proven by ${session.by.join(' and ')}; ${touched}`);
      }),
  };
}

export function wipeDisksStep(parts: StepParts): Step {
  return {
    name: 'wipe-disks',
    tries: 3,
    silentMs: 15 * MINUTE_MS,
    run: (context) =>
      proven(context, async (plan) => {
        using session = await provenAgent(context, plan, parts);
        const wiped = session.disks.filter(({ planned }) => planned.method !== undefined);
        const targets = wiped.map(({ planned, found }) => ({
          disk: wanted(planned, found),
          method: planned.method ?? 'best',
          seed: randomInt(2 ** 32 - 1),
        }));
        const operated = await operate({
          context,
          session,
          agents: parts.agents,
          step: 'wipe-disks',
          work: { wipe: { targets } },
        });
        if (operated.kind === 'ended') return operated.outcome;
        await lookAgain(context, session, parts);
        const results = operated.parts.map(({ result }) => JSON.parse(new TextDecoder().decode(result)) as unknown);
        const text = await parts.erased(context, plan, results);
        const hidden = plan.disks.filter(({ act }) => act === 'unreachable');
        // What follows an erasure that was asked for by itself must not be taken for a clean machine (safety rule 3).
        if (hidden.length === 0 || plan.kind === 'reprovision') return done(text);
        const which = hidden.map(({ name, serial }) => `${name} (${serial ?? 'no serial'})`).join(', ');
        return failed(
          `${text}; not erased, because the agent cannot reach it: ${which}`,
          'let the controller show its drives themselves (HBA mode), or erase them by its own tool; --disk SERIAL erases what can be reached',
        );
      }),
  };
}

export function writeImageStep(parts: StepParts): Step {
  return {
    name: 'write-image',
    tries: 3,
    silentMs: 15 * MINUTE_MS,
    run: (context) =>
      proven(context, async (plan) => {
        const target = plan.disks.find(({ act }) => act === 'write');
        if (!target || plan.image === undefined || plan.imageSha256 === undefined) {
          return failed('the plan names no disk and no image to write', 'make the plan again');
        }
        const state = await parts.diskImages.get(plan.image);
        if (state.kind === 'missing') return failed(state.because, `ingot get image ${plan.image}`);
        if (state.kind === 'preparing') return { kind: 'again', because: state.because, afterMs: 10_000 };
        const { image } = state;
        if (image.sha256 !== plan.imageSha256) {
          return failed(`image ${plan.image} is another one than when the plan was made`, 'make the plan again');
        }
        const beside = parts.besideImage(plan.machine, plan.profile, context.job().id);
        if (!beside.ok) {
          const because = beside.problems.map((one) => `${one.key}: ${one.because}`).join('; ');
          return failed(because, `ingot explain ${plan.machine} --config`);
        }
        using session = await provenAgent(context, plan, parts);
        const disk = session.disks.find(({ planned }) => planned === target);
        if (!disk) return failed(`${labelOf(target)} is not there`, 'ingot machine show');
        await context.note(WRITE_BEGUN, keyOf(target));
        const operated = await operate({
          context,
          session,
          agents: parts.agents,
          step: 'write-image',
          work: {
            write_image: {
              disk: wanted(disk.planned, disk.found),
              path: parts.imagePath(plan.image, image.sha256),
              compression: image.compression,
              sha256: image.sha256,
              raw_bytes: image.rawBytes,
              ...beside.work,
            },
          },
        });
        if (operated.kind === 'ended') return operated.outcome;
        await lookAgain(context, session, parts);
        const also = operated.parts.flatMap(doneBeside);
        return done(
          [`${plan.image} is on ${labelOf(target)}, its digest proven while it was written`, ...also].join('; '),
        );
      }),
  };
}

/** What an agent says that it did beside the image; older ones say nothing. */
const writtenImage = z.object({ done: z.array(z.string().max(255)).max(16).default([]) });
const doneBeside = ({ result }: { readonly result: Uint8Array }): readonly string[] =>
  writtenImage.parse(JSON.parse(new TextDecoder().decode(result))).done;

const REBOOT_SEEN_MS = 5 * MINUTE_MS;

/** The agent reboots; the machine has no grant left, so that nothing stands between it and its own disk. */
export function bootDiskStep(parts: StepParts): Step {
  const { agents } = parts;
  return {
    name: 'boot-disk',
    tries: 3,
    silentMs: 10 * MINUTE_MS,
    async run(context) {
      const { machine } = context.job();
      const agent = await rebootAgent(context, parts);
      if (agent) {
        context.progress('the agent reboots');
        const until = parts.now() + REBOOT_SEEN_MS;
        while (agents.of(machine)?.attempt === agent.attempt) {
          if (parts.now() > until)
            return { kind: 'again', because: 'the agent was told to reboot and stays', afterMs: 1000 };
          await context.wait(500);
        }
      }
      return done(
        'the agent restarted the machine: it goes to its own disk, unless its profile netboots at every start',
      );
    },
  };
}

export function powerOffStep({ power }: StepParts): Step {
  return {
    name: 'power-off',
    tries: 3,
    silentMs: 10 * MINUTE_MS,
    async run(context) {
      await power.off(context.job().machine, powerAsked(context.job()), context.signal, context.progress);
      return done('it is off');
    },
  };
}

/** Runs what needs a confirmed plan; a machine that is not the planned one ends the job at once. */
async function proven(context: StepContext, act: (plan: Plan) => Promise<StepOutcome>): Promise<StepOutcome> {
  const { kind, machine } = context.job();
  const plan = confirmedPlan(context.job());
  if (!plan) return failed('nobody confirmed a plan', `ingot ${kind} ${machine} --plan`);
  try {
    return await act(plan);
  } catch (error) {
    if (error instanceof NotProven)
      return failed(`${error.message}; nothing was written by this step`, `ingot ${kind} ${machine} --plan`);
    throw error;
  }
}

/** The next plan is made from what is on the disks now. */
async function lookAgain(context: StepContext, { api, agent }: ProvenAgent, parts: StepParts): Promise<void> {
  await parts.keepInventory(agent.machine, await freshInventory(api, context.signal, parts.now()));
}

const keyOf = ({ serial, wwn, name }: PlannedDisk): string => serial ?? wwn ?? name;
const labelOf = ({ name, serial, wwn }: PlannedDisk): string => `${name} (${serial ?? wwn ?? 'no serial'})`;

/** As the plan names it, under the kernel's name of today; what this job has begun to write there is known. */
const wanted = (planned: PlannedDisk, found: InventoryDisk) => ({
  name: found.name ?? planned.name,
  ...(planned.serial === undefined ? {} : { serial: planned.serial }),
  ...(planned.wwn === undefined ? {} : { wwn: planned.wwn }),
  bytes: planned.bytes,
  signatures: [...new Set([...planned.signatures, ...found.signatures])],
});
