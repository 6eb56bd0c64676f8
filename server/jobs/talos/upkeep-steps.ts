import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterDocument } from '#machines/contract/cluster.ts';
import type { Inventory } from '#machines/contract/inventory.ts';
import type { Job, Plan, TalosWork } from '#machines/contract/job.ts';
import { proveMachine } from '#machines/decide/jobs/prove-machine.ts';
import { roleIn } from '#machines/os/talos/cluster-config.ts';
import { type EtcdSaid, whyNotOneLess } from '#machines/os/talos/quorum.ts';
import { isOver as isSequenceOver } from '#machines/os/talos/sequence.ts';
import { systemDiskOf, whyOtherSystemDisk } from '#machines/os/talos/system-disk.ts';
import { talosVersionText } from '#machines/os/talos/version.ts';
import type { Jobs, Step, StepContext, StepOutcome } from '#services/jobs/contract.ts';
import { MachineApiError } from '#services/machine-api/machine-api-error.ts';
import { talosHardware } from '#services/talos/hardware.ts';
import type { Followed, FollowedEnd, TalosNode } from '#services/talos/node.ts';
import {
  forgetEtcd,
  inTime,
  isSingle,
  memberOf,
  minutes,
  type TalosParts,
  timesOf,
  untilReady,
} from './install-steps.ts';
import { done, failed, MINUTE_MS } from '../step-outcome.ts';
import { raiseRelease } from './raise-release.ts';
import type { OpenedNode } from './reach.ts';

export type UpkeepParts = TalosParts & { readonly jobs: () => Pick<Jobs, 'unfinished'> };

/** The installer is pulled from far away. */
const UPGRADE_MS = 45 * MINUTE_MS;
const TURN_MS = 1000;

const ROLLED_BACK = 'talos-rolled-back';

const isUpkeep = ({ plan }: Job): boolean => plan?.steps.includes('await-turn') === true;

const hadItsTurn = ({ steps }: Job): boolean =>
  steps.some(({ name, state }) => name === 'await-turn' && state === 'done');

/** One machine of a cluster at a time, in the order in which they were asked for; a batch that stops calls it off. */
export function awaitTurnStep(parts: UpkeepParts): Step {
  return {
    name: 'await-turn',
    tries: 20,
    silentMs: 10 * MINUTE_MS,
    async run(context) {
      const { id, plan } = context.job();
      for (;;) {
        const all = parts
          .jobs()
          .unfinished()
          .filter((job) => isUpkeep(job) && job.plan?.talos?.cluster === plan?.talos?.cluster);
        // Whose turn it is keeps it, whatever the clock and a restart did to the order.
        const first = all.find((job) => job.id !== id && hadItsTurn(job)) ?? all[0];
        if (!first || first.id === id) return done('no other machine of its cluster is worked on');
        context.progress(`waits for ${first.machine}: one machine of ${plan?.talos?.cluster} at a time`);
        await sleep(Math.min(TURN_MS, timesOf(parts).look), undefined, { signal: context.signal });
      }
    },
  };
}

/** Proves the machine, and that its cluster can do without it for a while. */
export function checkClusterStep(parts: UpkeepParts): Step {
  return {
    name: 'check-cluster',
    tries: 5,
    silentMs: 5 * MINUTE_MS,
    run: (context) =>
      planned(context, parts, async ({ plan, cluster, work }) => {
        const { machine } = context.job();
        let why = 'it was never asked';
        const well = await inTime(context, parts, timesOf(parts).settle, `looks at ${cluster.name}`, async () => {
          using opened = await parts.reach.node(cluster, machine, context.signal);
          const hardware = await talosHardware(opened.client, parts.now(), { signal: context.signal });
          const proof = proveMachine(plan.identifiers, hardware, isSingle(context, plan));
          if (proof.kind === 'refused') return { kind: 'refused', because: proof.because } as const;
          const other = whyOtherDisk(plan, await opened.node.systemDisk(), hardware);
          if (other !== undefined) return { kind: 'refused', because: other } as const;
          const version = talosVersionText(opened.node.version);
          if (work.from !== undefined && version !== work.from) {
            return {
              kind: 'refused',
              because: `it runs Talos ${version}, and the plan was made for ${work.from}`,
            } as const;
          }
          if (work.role === 'worker' || work.graceful === false) return { kind: 'well', by: proof.by } as const;
          const against = await whyNotNow(parts, cluster, machine, opened, work, context.signal);
          if (against === undefined) return { kind: 'well', by: proof.by } as const;
          why = against;
          throw new MachineApiError('precondition', against);
        });
        if (!well) return failed(`${why}; nothing was done`, `ingot cluster show ${cluster.name}`);
        if (well.kind === 'refused') {
          return failed(`${well.because}; nothing was done`, `ingot ${plan.kind} ${machine} --plan`);
        }
        const spared = work.role === 'controlplane' ? ', and etcd can do without it' : '';
        return done(`proven by ${well.by.join(' and ')}${spared}`);
      }),
  };
}

/** A rollback changes nothing but which entry the loader takes: a plan for it may name no disk. */
const whyOtherDisk = (plan: Plan, disk: string | undefined, hardware: Inventory): string | undefined => {
  const planned = systemDiskOf(plan.disks);
  return plan.kind === 'rollback' && !planned ? undefined : whyOtherSystemDisk(planned, disk, hardware);
};

/** The same looked at once more over the connection by which it is written. */
async function whyNotTheDisk(
  plan: Plan,
  { client, node }: OpenedNode,
  parts: UpkeepParts,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [hardware, disk] = await Promise.all([talosHardware(client, parts.now(), { signal }), node.systemDisk()]);
  return whyOtherDisk(plan, disk, hardware);
}

/** Of all control planes, by what each says of its own etcd. */
async function whyNotNow(
  { reach }: UpkeepParts,
  cluster: ClusterDocument,
  machine: string,
  own: OpenedNode,
  work: TalosWork,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { members, status } = await own.node.etcd();
  const said = await Promise.all(
    cluster.controlPlane.map(async (name): Promise<EtcdSaid> => {
      if (name === machine) return { machine: name, status };
      try {
        using opened = await reach.node(cluster, name, signal);
        return { machine: name, status: (await opened.node.etcd()).status };
      } catch (error) {
        if (!(error instanceof MachineApiError)) throw error;
        return { machine: name, status: undefined };
      }
    }),
  );
  if (work.erase === undefined) return whyNotOneLess({ members, said, leaving: machine });
  // It leaves etcd before it goes: what counts is the majority of those that are left.
  return whyNotOneLess({
    members: members.filter(({ id }) => id !== status?.member_id),
    said: said.filter((one) => one.machine !== machine),
    leaving: machine,
  });
}

/** Installs the other release beside the one that runs, and reboots into it. */
export function upgradeStep(parts: UpkeepParts): Step {
  return {
    name: 'upgrade-talos',
    tries: 10,
    silentMs: 20 * MINUTE_MS,
    async already(context) {
      return await runsAlready(context, parts, ({ to }) => to);
    },
    run: (context) =>
      planned(context, parts, async ({ plan, cluster, work }) => {
        const { machine } = context.job();
        const { installer, from, to } = work;
        if (installer === undefined) return failed('the plan names no installer', `ingot upgrade ${machine} --plan`);
        const isInstalled = context.job().notes[INSTALLED] !== undefined;
        const quiet = await whenQuiet(context, parts, cluster, timesOf(parts).reboot, { wasTold: isInstalled });
        if (quiet.kind !== 'quiet') return failed(quiet.because, `look at the console of ${machine}`);
        using opened = quiet.opened;
        const version = talosVersionText(opened.node.version);
        if (version === to) return done(`it runs Talos ${version}`);
        if (version !== from)
          return failed(
            `it runs Talos ${version}, and the plan was made for ${from}`,
            `ingot upgrade ${machine} --plan`,
          );
        const { notes } = context.job();
        if (isInstalled && (await hasRebooted(notes, opened.node))) {
          return done(`${machine} has rebooted since Talos ${to} was installed`);
        }
        const other = await whyNotTheDisk(plan, opened, parts, context.signal);
        if (other !== undefined) return failed(`${other}; nothing was written`, `ingot upgrade ${machine} --plan`);
        await noteBoot(context, opened.node);
        const how = { installer, isInstalled, installed: () => context.note(INSTALLED, 'yes') };
        try {
          const end = await followed(context, UPGRADE_MS, (signal) => opened.node.upgrade(how, signal));
          return ended(end, `${machine} reboots into Talos ${to}`, 'it runs what it ran before');
        } catch (error) {
          if (!(error instanceof MachineApiError) || error.code !== 'precondition') throw error;
          // The installer of an earlier try may still be at work.
          return { kind: 'again', because: error.message, afterMs: LATER_MS };
        }
      }),
  };
}

/** The installer came to its end: what is left is the reboot. */
const INSTALLED = 'talos-installed-beside';
const LATER_MS = 30_000;

/** Until the new release runs and is well; what does not come to that is rolled back. */
export function awaitUpgradedStep(parts: UpkeepParts): Step {
  const { registry, now } = parts;
  return {
    name: 'await-upgraded',
    tries: 20,
    silentMs: 10 * MINUTE_MS,
    run: (context) =>
      planned(context, parts, async ({ cluster, work }) => {
        const { machine } = context.job();
        const { from = '', to = '' } = work;
        const rolledBack = context.job().notes[ROLLED_BACK];
        if (rolledBack !== undefined)
          return await rollBack(context, parts, cluster, work, { why: rolledBack, wasTold: true });
        const version = await rebooted(context, parts, cluster, (runs) => runs === to);
        if (version === undefined) {
          return failed(
            `${machine} did not come back within ${minutes(timesOf(parts).reboot)}`,
            `look at its console; its boot menu has Talos ${from}`,
          );
        }
        if (version !== to) {
          return failed(
            `it is back with Talos ${version}: ${to} did not boot, and its loader fell back`,
            `ingot logs ${machine}`,
          );
        }
        const why = await untilReady(context, parts, cluster, timesOf(parts).settle);
        if (why === undefined) {
          registry.note(machine, { 'talos.version': to }, 'agent', now());
          const raised = await raiseRelease(registry, cluster.name, to, `job:${context.job().id}`);
          return done(
            `Talos ${to} runs and is ready; it was ${from}${raised ? `; ${cluster.name} says ${to} now` : ''}`,
          );
        }
        await context.note(ROLLED_BACK, why);
        return await rollBack(context, parts, cluster, work, { why, wasTold: false });
      }),
  };
}

/** Back to what ran before the upgrade, unless an earlier try has told it so. */
async function rollBack(
  context: StepContext,
  parts: UpkeepParts,
  cluster: ClusterDocument,
  { from = '', to = '' }: TalosWork,
  { why, wasTold }: { readonly why: string; readonly wasTold: boolean },
): Promise<StepOutcome> {
  const { machine } = context.job();
  const because = `the new release was not well: ${why}`;
  context.progress(`Talos ${to} is not well, and is rolled back: ${why}`);
  const quiet = await whenQuiet(context, parts, cluster, timesOf(parts).reboot, { wasTold });
  if (quiet.kind === 'quiet') {
    using opened = quiet.opened;
    if (talosVersionText(opened.node.version) === to) {
      await noteBoot(context, opened.node);
      await followed(context, UPGRADE_MS, (signal) => opened.node.rollback(signal));
    }
  }
  const version = await rebooted(context, parts, cluster, (runs) => runs === from);
  if (version !== from) {
    return failed(
      `${because}; it was told to roll back, and ${version === undefined ? 'did not come back' : `runs ${version}`}`,
      `look at the console of ${machine}`,
    );
  }
  const still = await untilReady(context, parts, cluster, timesOf(parts).settle);
  return failed(
    `${because}; it was rolled back to Talos ${from}, ${still === undefined ? 'which runs and is ready' : `which is not ready: ${still}`}`,
    `ingot logs ${machine}`,
  );
}

export function rollbackStep(parts: UpkeepParts): Step {
  return {
    name: 'rollback-talos',
    tries: 10,
    silentMs: 20 * MINUTE_MS,
    async already(context) {
      const member = memberOf(context, parts);
      const from = context.job().plan?.talos?.from;
      if (!member || from === undefined) return undefined;
      const version = await versionNow(context, parts, member.cluster);
      return version === undefined || version === from ? undefined : `it runs Talos ${version}`;
    },
    run: (context) =>
      planned(context, parts, async ({ cluster, work }) => {
        const { machine } = context.job();
        const { notes } = context.job();
        const wasTold = notes[BOOT] !== undefined;
        const quiet = await whenQuiet(context, parts, cluster, timesOf(parts).reboot, { wasTold });
        if (quiet.kind !== 'quiet') return failed(quiet.because, `look at the console of ${machine}`);
        using opened = quiet.opened;
        const version = talosVersionText(opened.node.version);
        if (version !== work.from) return done(`it runs Talos ${version}`);
        // Told once: an entry that is turned back twice is the one that ran.
        if (wasTold && (await hasRebooted(notes, opened.node))) return done(`${machine} has rebooted`);
        await noteBoot(context, opened.node);
        const end = await followed(context, UPGRADE_MS, (signal) => opened.node.rollback(signal));
        return ended(end, `${machine} reboots into the release before`, 'it runs what it ran before');
      }),
  };
}

export function awaitRolledBackStep(parts: UpkeepParts): Step {
  return {
    name: 'await-rolled-back',
    tries: 20,
    silentMs: 10 * MINUTE_MS,
    run: (context) =>
      planned(context, parts, async ({ cluster, work }) => {
        const { machine } = context.job();
        const version = await rebooted(context, parts, cluster, (runs) => runs !== work.from);
        if (version === undefined)
          return failed(`${machine} did not come back within ${minutes(timesOf(parts).reboot)}`, 'look at its console');
        if (version === work.from)
          return failed(
            `it still runs Talos ${version}: there is no release before it to go back to`,
            `ingot upgrade ${machine} --to RELEASE`,
          );
        const why = await untilReady(context, parts, cluster, timesOf(parts).settle);
        if (why !== undefined)
          return failed(`Talos ${version} runs and is not ready: ${why}`, `ingot cluster show ${cluster.name}`);
        parts.registry.note(machine, { 'talos.version': version }, 'agent', parts.now());
        return done(`Talos ${version} runs and is ready; it was ${work.from}`);
      }),
  };
}

/** It leaves its cluster where that was asked for, and erases its own system disk, or what lies on it. */
export function resetStep(parts: UpkeepParts): Step {
  return {
    name: 'reset-talos',
    tries: 10,
    silentMs: 15 * MINUTE_MS,
    async already(context) {
      if (context.job().notes[RESET_BEGUN] === undefined) return undefined;
      const why = await whyNoMember(context, parts);
      return why && `it was told to, and ${why.because}`;
    },
    run: (context) =>
      planned(context, parts, async ({ plan, cluster, work }) => {
        const { machine } = context.job();
        const limit = timesOf(parts).reset;
        const { erase = 'disk', graceful = true } = work;
        const what = erase === 'disk' ? 'its system disk' : 'STATE and EPHEMERAL';
        const follow = async (begin: Begin): Promise<StepOutcome> => {
          const end = await followed(context, limit, begin, async (state) => {
            if (state.kind !== 'running' || state.phase !== STOPPED) return;
            if (context.job().notes[RESET_STOPPED] === undefined) await context.note(RESET_STOPPED, 'yes');
          });
          if (end.kind === 'rebooting' || end.kind === 'finished') await context.note(RESET_HEARD, 'yes');
          return ended(
            end,
            end.kind === 'lost'
              ? `${machine} went away while it was to erase ${what}`
              : `${machine} has erased ${what}`,
            'look at its console: how far it came is not known',
          );
        };
        const before = context.job().notes[RESET_ACTOR];
        const ongoing = before === undefined ? undefined : await busyWith(parts, cluster, machine, context.signal);
        if (before !== undefined && ongoing) {
          using opened = ongoing;
          return await follow((signal) => opened.node.followActor(before, signal));
        }
        const isBegun = context.job().notes[RESET_BEGUN] !== undefined;
        const quiet = await whenQuiet(context, parts, cluster, limit, { wasTold: isBegun, mayBeGone: isBegun });
        if (quiet.kind === 'away') return done(`it was told to, and ${quiet.because}`);
        if (quiet.kind === 'late') return failed(quiet.because, `look at the console of ${machine}`);
        using opened = quiet.opened;
        const other = await whyNotTheDisk(plan, opened, parts, context.signal);
        if (other !== undefined) return failed(`${other}; nothing was erased`, `ingot reset ${machine} --plan`);
        await context.note(RESET_BEGUN, 'yes');
        const afterwards = erase === 'disk' ? 'power-off' : 'reboot';
        const begun = (actor: string): Promise<void> => context.note(RESET_ACTOR, actor);
        return await follow((signal) => opened.node.reset({ graceful, what: erase, afterwards, begun }, signal));
      }),
  };
}

const RESET_BEGUN = 'talos-reset-begun';
/** By which its events are followed again after a restart of the daemon. */
const RESET_ACTOR = 'talos-reset-actor';
/** It said itself that the reset came to its end. */
const RESET_HEARD = 'talos-reset-heard';
/** It said itself that it stops everything for its reset: what it does then can be heard no more. */
const RESET_STOPPED = 'talos-reset-stopped';
const STOPPED = 'stopEverything';

type Gone =
  | { readonly kind: 'proven'; readonly because: string }
  /** It has not answered for so long that it is for a person to look at. */
  | { readonly kind: 'silent' };

/**
 * Until it answers as a member no more: the key by which it was one was on the disk. Silence is no proof, as a cable
 * makes it too. It counts where the machine told the end of its reset, or that it stops everything for it and its BMC
 * reads since that it is off: a reset that fails restarts the machine.
 */
export function awaitErasedStep(parts: UpkeepParts): Step {
  return {
    name: 'await-erased',
    tries: 20,
    silentMs: 10 * MINUTE_MS,
    run: (context) =>
      planned(context, parts, async ({ cluster, work }) => {
        const { machine } = context.job();
        const { settle, reset } = timesOf(parts);
        let silentSince: number | undefined;
        const look = async (): Promise<Gone> => {
          const { notes } = context.job();
          const why = await whyNoMember(context, parts);
          if (why?.kind !== 'silent') silentSince = undefined;
          if (why === undefined) throw new MachineApiError('precondition', 'it still answers as a member');
          if (why.kind === 'other-key') return { kind: 'proven', because: why.because };
          if (notes[RESET_HEARD] !== undefined)
            return { kind: 'proven', because: 'it said that its reset is done, and does not answer since' };
          if (notes[RESET_STOPPED] !== undefined && (await parts.isOff?.(machine, context.signal)) === true) {
            return { kind: 'proven', because: 'it stopped everything for its reset, and its BMC reads that it is off' };
          }
          silentSince ??= parts.now();
          if (parts.now() - silentSince >= settle) return { kind: 'silent' };
          throw new MachineApiError('unreachable', 'it does not answer, which a cable that is out would show as well');
        };
        const gone = await inTime(context, parts, reset, `waits until ${machine} is no member any more`, look);
        if (gone?.kind !== 'proven') {
          return gone
            ? failed(
                `it does not answer, and has not said that it is erased: whether its disk still holds ${cluster.name} is not known`,
                `look at its console; ingot wipe ${machine} erases it by the agent`,
              )
            : failed(`${machine} still answers as a member of ${cluster.name}`, `ingot reset ${machine} --no-graceful`);
        }
        if (work.role === 'controlplane') await forgetEtcd(parts, cluster, machine);
        parts.registry.note(machine, { 'talos.version': '', 'talos.cluster': '' }, 'agent', parts.now());
        const next = work.erase === 'configuration' ? 'it waits in maintenance' : 'it is off';
        return done(`it is no member of ${cluster.name} any more: ${gone.because}; ${next}`);
      }),
  };
}

/** Why it seems to be no member any more; nothing while it answers as one. */
async function whyNoMember(
  context: StepContext,
  parts: UpkeepParts,
): Promise<{ readonly kind: 'other-key' | 'silent'; readonly because: string } | undefined> {
  const member = memberOf(context, parts);
  if (!member) return undefined;
  try {
    using _opened = await parts.reach.node(member.cluster, member.machine, context.signal);
    return undefined;
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof MachineApiError)) throw error;
    if (error.code === 'untrusted')
      return { kind: 'other-key', because: 'it shows a key that its cluster did not sign' };
    return error.code === 'unreachable' ? { kind: 'silent', because: 'it does not answer' } : undefined;
  }
}

type Planned = { readonly plan: Plan; readonly cluster: ClusterDocument; readonly work: TalosWork };

async function planned(
  context: StepContext,
  parts: UpkeepParts,
  act: (planned: Planned) => Promise<StepOutcome>,
): Promise<StepOutcome> {
  const { plan, confirmed, kind, machine } = context.job();
  const member = memberOf(context, parts);
  if (!plan?.talos || confirmed?.digest !== plan.digest)
    return failed('nobody confirmed a plan', `ingot ${kind} ${machine} --plan`);
  if (!member || roleIn(member.cluster, machine) !== plan.talos.role) {
    return failed(
      `it is not the ${plan.talos.role} of ${plan.talos.cluster} any more`,
      `ingot ${kind} ${machine} --plan`,
    );
  }
  return await act({ plan, cluster: member.cluster, work: plan.talos });
}

/** What ends in a reboot or without power: nothing else is begun meanwhile. */
const BUSY: ReadonlySet<string> = new Set(['resetting', 'upgrading', 'rebooting', 'shuttingDown']);

type Quiet =
  | { readonly kind: 'quiet'; readonly opened: OpenedNode }
  /** Something that was begun before a restart of the daemon took it away. */
  | { readonly kind: 'away'; readonly because: string }
  | { readonly kind: 'late'; readonly because: string };

/** How many looks at a machine that was told something before it is told again: it takes a while to begin. */
const QUIET_LOOKS = 15;

/**
 * The machine, once it does nothing that ends its boot: what an earlier try of the step began goes on by itself, and is
 * not begun twice. `wasTold`: an earlier try told it, so that it is quiet only if it stays so. `mayBeGone`: its being no
 * member any more may be what was asked for.
 */
async function whenQuiet(
  context: StepContext,
  parts: UpkeepParts,
  cluster: ClusterDocument,
  ms: number,
  { wasTold, mayBeGone = false }: { readonly wasTold: boolean; readonly mayBeGone?: boolean },
): Promise<Quiet> {
  const { machine } = context.job();
  let looks = wasTold ? QUIET_LOOKS : 0;
  let why = 'it was never asked';
  const look = async (): Promise<Quiet> => {
    let opened: OpenedNode | undefined;
    try {
      opened = await parts.reach.node(cluster, machine, context.signal);
      const stage = (await opened.node.stage()) ?? 'unknown';
      if (!BUSY.has(stage) && looks-- <= 0) return { kind: 'quiet', opened };
      throw new MachineApiError('precondition', `its stage is ${stage}`);
    } catch (error) {
      opened?.[Symbol.dispose]();
      if (!(error instanceof MachineApiError)) throw error;
      why = error.message;
      const gone = mayBeGone ? await whyNoMember(context, parts) : undefined;
      if (gone) return { kind: 'away', because: gone.because };
      throw error;
    }
  };
  const found = await inTime(context, parts, ms, `asks ${machine} what it does`, look);
  return found ?? { kind: 'late', because: `${machine} could not be told within ${minutes(ms)}: ${why}` };
}

/** The machine where it is at something that ends its boot. */
async function busyWith(
  { reach }: UpkeepParts,
  cluster: ClusterDocument,
  machine: string,
  signal: AbortSignal,
): Promise<OpenedNode | undefined> {
  let opened: OpenedNode | undefined;
  try {
    opened = await reach.node(cluster, machine, signal);
    if (BUSY.has((await opened.node.stage()) ?? 'unknown')) return opened;
  } catch (error) {
    if (!(error instanceof MachineApiError)) {
      opened?.[Symbol.dispose]();
      throw error;
    }
  }
  opened?.[Symbol.dispose]();
  return undefined;
}

type Begin = (signal: AbortSignal) => AsyncGenerator<Followed, FollowedEnd, undefined>;

/** The end of what the machine was told to do, told on the way. */
async function followed(
  context: StepContext,
  ms: number,
  begin: Begin,
  seen?: (state: Followed) => Promise<void>,
): Promise<FollowedEnd> {
  const limit = AbortSignal.timeout(ms);
  const states = begin(AbortSignal.any([context.signal, limit]));
  let last: Followed = { kind: 'waiting' };
  try {
    for (;;) {
      const next = await states.next();
      if (next.done === true) return next.value;
      last = next.value;
      await seen?.(last);
      if (last.kind === 'running') context.progress([last.sequence, last.phase, last.task].filter(Boolean).join(': '));
    }
  } catch (error) {
    context.signal.throwIfAborted();
    if (limit.aborted)
      return { kind: 'failed', sequence: '', because: `it did not end within ${ms / MINUTE_MS} minutes` };
    // It goes down in the middle of an answer, and only asking it again can tell what came of it.
    const isLost = error instanceof MachineApiError && ['unreachable', 'cancelled', 'untrusted'].includes(error.code);
    if (!isLost) throw error;
    return { kind: 'lost', last: last.kind === 'lost' || isSequenceOver(last) ? { kind: 'waiting' } : last };
  }
}

function ended(end: FollowedEnd, text: string, otherwise: string): StepOutcome {
  switch (end.kind) {
    case 'rebooting':
    case 'finished':
    case 'lost':
      return done(text);
    case 'locked':
      return { kind: 'again', because: `another sequence is running on it: ${end.because}`, afterMs: LATER_MS };
    case 'cancelled':
      return failed(`another sequence took over: ${end.because}`, otherwise);
    case 'failed':
      return failed(end.because, otherwise);
    default:
      return end satisfies never;
  }
}

/**
 * What runs after a reboot: the wanted release, or another one as soon as it is sure that the machine has booted it, or
 * when the time is over; nothing where none answers.
 */
async function rebooted(
  context: StepContext,
  parts: UpkeepParts,
  cluster: ClusterDocument,
  isWanted: (version: string) => boolean,
): Promise<string | undefined> {
  const before = context.job().notes[BOOT];
  let last: string | undefined;
  const { machine } = context.job();
  const found = await inTime(context, parts, timesOf(parts).reboot, `waits for ${machine} to come back`, async () => {
    last = undefined;
    using opened = await parts.reach.node(cluster, machine, context.signal);
    const boot = await opened.node.bootId();
    const version = talosVersionText(opened.node.version);
    if (isWanted(version)) return version;
    last = version;
    if (boot !== undefined && before !== undefined && boot !== before) return version;
    throw new MachineApiError('precondition', `it runs Talos ${version}`);
  });
  return found ?? last;
}

/** By which it is known that the machine has booted since. */
const BOOT = 'talos-boot';
async function noteBoot(context: StepContext, node: TalosNode): Promise<void> {
  const boot = await node.bootId();
  if (boot !== undefined) await context.note(BOOT, boot);
}

async function hasRebooted(notes: Job['notes'], node: TalosNode): Promise<boolean> {
  const before = notes[BOOT];
  const boot = await node.bootId();
  return before !== undefined && boot !== undefined && boot !== before;
}

async function versionNow(
  context: StepContext,
  parts: UpkeepParts,
  cluster: ClusterDocument,
): Promise<string | undefined> {
  try {
    using opened = await parts.reach.node(cluster, context.job().machine, context.signal);
    return talosVersionText(opened.node.version);
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof MachineApiError) return undefined;
    throw error;
  }
}

async function runsAlready(
  context: StepContext,
  parts: UpkeepParts,
  wanted: (work: TalosWork) => string | undefined,
): Promise<string | undefined> {
  const member = memberOf(context, parts);
  const work = context.job().plan?.talos;
  const version = member && work && (await versionNow(context, parts, member.cluster));
  return version !== undefined && work && version === wanted(work) ? `it runs Talos ${version}` : undefined;
}
