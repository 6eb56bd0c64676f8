import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterDocument } from '#machines/contract/cluster.ts';
import type { Plan } from '#machines/contract/job.ts';
import { proveMachine } from '#machines/decide/jobs/prove-machine.ts';
import { roleIn, versionOf } from '#machines/os/talos/cluster-config.ts';
import { isAtLeast, talosVersionText } from '#machines/os/talos/version.ts';
import type { Step, StepContext } from '#services/jobs/contract.ts';
import { MachineApiError } from '#services/machine-api/machine-api-error.ts';
import type { Registry } from '#services/registry/contract.ts';
import { type ClusterConfigs, DISK_SEEN, isFetched, writtenDisk } from '#services/talos/configs.ts';
import type { ClusterSecrets } from '#services/talos/cluster-secrets.ts';
import { findDisk, talosHardware } from '#services/talos/hardware.ts';
import { watchInstall } from '#services/talos/install.ts';
import { talosNode } from '#services/talos/node.ts';
import { NotProven, provenAgent } from '../agent-session.ts';
import { bootIntoStep, INSTALLER_ATTEMPT, type InstallerParts } from '../installer-steps.ts';
import { done, failed, MINUTE_MS } from '../step-outcome.ts';
import { memberText, type Seen, type TalosReach } from './reach.ts';

export type TalosParts = InstallerParts & {
  readonly reach: TalosReach;
  readonly configs: Pick<ClusterConfigs, 'of'>;
  readonly secrets: ClusterSecrets;
  readonly registry: Pick<Registry, 'machine' | 'profile' | 'clusterOf' | 'documents' | 'note' | 'put'>;
  /**
   * Whether its BMC, proven to be its own, reads that it is off; false where nobody knows. Where it is absent, nobody
   * does.
   */
  readonly isOff?: (machine: string, signal: AbortSignal) => Promise<boolean>;
  readonly times?: Partial<UpkeepTimes>;
};

/** How long machines may take, in milliseconds. */
export type UpkeepTimes = {
  /** Between two looks at a machine. */
  readonly look: number;
  /** From the last byte of the initramfs to a machine that answers in maintenance. */
  readonly maintenance: number;
  /** The installer is pulled from a registry far away, and the disk may be slow. */
  readonly install: number;
  readonly bootstrap: number;
  /** Images of Kubernetes are pulled, etcd finds its peers. */
  readonly ready: number;
  /** Down, through the firmware's self-test, and up again. */
  readonly reboot: number;
  /** What runs is left alone for so long before it is judged: a cluster that just lost another member settles. */
  readonly settle: number;
  /** From the call that resets it to its end, which drains the node first. */
  readonly reset: number;
};

const TIMES: UpkeepTimes = {
  look: 2000,
  maintenance: 15 * MINUTE_MS,
  install: 60 * MINUTE_MS,
  bootstrap: 20 * MINUTE_MS,
  ready: 30 * MINUTE_MS,
  reboot: 30 * MINUTE_MS,
  settle: 10 * MINUTE_MS,
  reset: 30 * MINUTE_MS,
};
export const timesOf = ({ times }: Pick<TalosParts, 'times'>): UpkeepTimes => ({ ...TIMES, ...times });
export const minutes = (ms: number): string => `${Math.round(ms / MINUTE_MS)} minutes`;

/** A connection is listened to for so long before the machine is asked anew. */
const ROUND_MS = 30_000;

const SEEN = 'talos-seen';
const PUSHED = 'talos-pushed';

/**
 * From the agent into Talos, which waits in maintenance, or fetches its configuration by the boot's token. One that
 * fetches begins to write by itself, so that its disk is looked for here, by what the configuration will name it by.
 */
export function bootTalosStep(parts: TalosParts): Step {
  const boot = bootIntoStep(parts, { name: 'boot-talos', what: 'Talos' });
  return {
    ...boot,
    async run(context) {
      const { plan, notes } = context.job();
      const profile = plan?.profile === undefined ? undefined : parts.registry.profile(plan.profile);
      if (plan && profile && isFetched(profile) && notes[DISK_SEEN] !== plan.digest) {
        const because = await whyNotItsDisk(context, plan, parts);
        if (because !== undefined) {
          return failed(`${because}; nothing was sent to it`, `ingot ${plan.kind} ${plan.machine} --plan`);
        }
        await context.note(DISK_SEEN, plan.digest);
      }
      return await boot.run(context);
    },
  };
}

/** By the agent, which reads everything again. */
async function whyNotItsDisk(context: StepContext, plan: Plan, parts: TalosParts): Promise<string | undefined> {
  const disk = writtenDisk(context.job());
  if (!disk) return 'no confirmed plan names a disk';
  try {
    using session = await provenAgent(context, plan, parts);
    const found = findDisk(disk, session.inventory);
    return found.kind === 'different' ? found.because : undefined;
  } catch (error) {
    if (error instanceof NotProven) return error.message;
    throw error;
  }
}

/**
 * Pushes the machine's configuration, which begins the install. Before anything is sent the machine is looked at again:
 * the key that it shows must be the same for as long as this lasts, it must be the machine of the plan, and the disk of
 * the plan must be there, once.
 */
export function applyConfigStep(parts: TalosParts): Step {
  const { reach, configs, registry, now } = parts;
  return {
    name: 'apply-config',
    tries: 5,
    silentMs: 5 * MINUTE_MS,
    async already(context) {
      const member = memberOf(context, parts);
      if (!member || context.job().notes[PUSHED] === undefined) return undefined;
      const isMember = await asMember(parts, member.cluster, member.machine, context.signal);
      return isMember ? 'it has its configuration' : undefined;
    },
    async run(context) {
      const { plan, machine } = context.job();
      const member = memberOf(context, parts);
      const disk = writtenDisk(context.job());
      const document = registry.machine(machine);
      if (!plan || !disk || !member || !document) {
        return failed('no confirmed plan names a disk and a cluster', `ingot install ${machine} --plan`);
      }
      const profile = plan.profile === undefined ? undefined : registry.profile(plan.profile);
      const made = await configs.of(document, profile, disk);
      if (made.kind === 'none') return failed(made.problems.join('; '), `ingot explain ${machine} --config`);
      await forgetEtcd(parts, member.cluster, machine);
      if (profile && isFetched(profile)) return done('it fetches its configuration by the token of its boot');
      // What answers first may be the agent that is going down, so that only what shows itself whole is judged.
      const shown = await inTime(
        context,
        parts,
        timesOf(parts).maintenance,
        `waits for Talos on ${machine}`,
        async () => {
          // One that was given it by an earlier try is in maintenance no more.
          if (context.job().notes[PUSHED] !== undefined) {
            if (await asMember(parts, member.cluster, machine, context.signal)) return 'a member' as const;
          }
          const seen = await reach.look(machine, context.signal);
          using client = await reach.maintenance(seen, context.signal);
          const hardware = await talosHardware(client, now(), { signal: context.signal, deadlineMs: MINUTE_MS });
          return { seen, hardware };
        },
      );
      if (shown === 'a member') return done('it has its configuration');
      if (!shown) {
        return failed(
          `Talos did not answer on ${machine} within ${minutes(timesOf(parts).maintenance)}`,
          `ingot trace ${machine}, and look at its console`,
        );
      }
      const { seen, hardware } = shown;
      const proof = proveMachine(plan.identifiers, hardware, isSingle(context, plan));
      const again = `ingot install ${machine} --plan`;
      if (proof.kind === 'refused') return failed(`${proof.because}; nothing was sent to it`, again);
      const found = findDisk(disk, hardware);
      if (found.kind === 'different') return failed(`${found.because}; nothing was sent to it`, again);
      await context.note(SEEN, `${seen.address} ${seen.fingerprint}`);
      // The key is compared again: whoever takes the address in between gets nothing.
      using client = await reach.maintenance(seen, context.signal);
      const node = await talosNode({ definition: reach.definition, client, signal: context.signal });
      const { version } = node;
      if (!isAtLeast(version, versionOf(member.cluster).minor)) {
        const because = `Talos ${talosVersionText(version)} was booted, which does not know the configuration of ${member.cluster.talos}; nothing was sent to it`;
        return failed(because, `an image of ${member.cluster.talos} in profile ${plan.profile}`);
      }
      await context.note(PUSHED, 'begun');
      try {
        const applied = await node.applyConfig(made.config.yaml);
        for (const warning of applied.warnings) context.progress(`${machine} warns: ${warning}`);
      } catch (error) {
        if (!(error instanceof MachineApiError) || error.code !== 'invalid') throw error;
        return failed(`${machine} refuses its configuration: ${error.message}`, `ingot explain ${machine} --config`);
      }
      return done(
        `proven by ${proof.by.join(' and ')}, key ${seen.fingerprint}; it has its configuration as ${memberText(member.cluster, machine)}`,
      );
    },
  };
}

/** Until the machine has booted from its disk and is a member of its cluster. */
export function watchInstallStep(parts: TalosParts): Step {
  const { reach, registry, installers, now } = parts;
  return {
    name: 'watch-install',
    // It only looks, so that it may begin again as often as the daemon does.
    tries: 20,
    silentMs: 10 * MINUTE_MS,
    async run(context) {
      const { machine, notes, plan, startedAt = now() } = context.job();
      const member = memberOf(context, parts);
      if (!member) return failed(`no cluster names ${machine} any more`, `ingot get cluster`);
      const { cluster } = member;
      const installMs = timesOf(parts).install;
      const left = Math.max(MINUTE_MS, startedAt + 2 * installMs - now());
      const limit = AbortSignal.timeout(Math.min(installMs, left));
      const signal = AbortSignal.any([context.signal, limit]);
      const watched = watchInstall({
        definition: reach.definition,
        signal,
        open: (mode, until) => {
          if (mode === 'running') return reach.running(cluster, machine, until);
          const seen = seenOf(notes[SEEN]);
          if (!seen) throw new MachineApiError('unreachable', 'it was never seen in maintenance');
          return reach.maintenance(seen, until);
        },
        pause: (until) => sleep(timesOf(parts).look, undefined, { signal: until }),
        round: () => AbortSignal.timeout(ROUND_MS),
      });
      try {
        for (;;) {
          const next = await watched.next();
          if (next.done === true) {
            const attempt = notes[INSTALLER_ATTEMPT];
            if (attempt !== undefined) await installers.over(attempt);
            if (next.value.kind === 'failed') {
              return failed(
                `the install failed: ${next.value.because}`,
                `ingot logs ${machine}; its disk may hold half a system`,
              );
            }
            using opened = await reach.node(cluster, machine, context.signal);
            const version = talosVersionText(opened.node.version);
            const facts = { 'talos.version': version, 'talos.cluster': cluster.name };
            registry.note(machine, facts, 'agent', now());
            // Another machine's upgrade may have changed what the document says since this one was planned.
            const wanted = [plan?.talos?.to, talosVersionText(versionOf(cluster))];
            if (!wanted.includes(version)) {
              return failed(
                `it runs Talos ${version}, and its cluster says ${cluster.talos}`,
                `ingot upgrade ${machine}`,
              );
            }
            return done(`Talos ${version} runs from ${next.value.disk}, at ${opened.address}`);
          }
          const { value } = next;
          if (value.kind === 'working')
            context.progress(`${value.phase}${value.task === undefined ? '' : `: ${value.task}`}`);
          else if (value.kind === 'rebooting') context.progress('it reboots into what it has installed');
          else context.progress(`waits for it: ${value.because}`);
        }
      } catch (error) {
        if (!limit.aborted || context.signal.aborted) throw error;
        return failed(
          `it did not boot from its disk within ${minutes(installMs)}`,
          `look at the console of ${machine}; its disk may hold half a system`,
        );
      } finally {
        await watched.return({ kind: 'failed', because: '' });
      }
    },
  };
}

/**
 * Begins etcd, once per cluster: where another control plane has its data already, this one joins it instead. Talos
 * itself refuses a second time on the same machine, so that asking again after a lost answer is safe.
 */
export function bootstrapStep(parts: TalosParts): Step {
  const { reach, secrets } = parts;

  /** Those that answer of the machines that should have it; none where nobody should. */
  async function living(
    cluster: ClusterDocument,
    others: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const found: string[] = [];
    let last: MachineApiError | undefined;
    for (const other of others) {
      try {
        using opened = await reach.node(cluster, other, signal);
        await opened.node.etcd();
        found.push(other);
      } catch (error) {
        if (!(error instanceof MachineApiError)) throw error;
        last = error;
      }
    }
    if (last && found.length === 0) throw last;
    return found;
  }

  return {
    name: 'bootstrap-etcd',
    tries: 20,
    silentMs: 10 * MINUTE_MS,
    async run(context) {
      const { machine } = context.job();
      const member = memberOf(context, parts);
      if (!member) return failed(`no cluster names ${machine} any more`, 'ingot get cluster');
      const { cluster } = member;
      let others: readonly string[] = [];
      const joined = await inTime(context, parts, timesOf(parts).bootstrap, `looks for etcd of ${cluster.name}`, () =>
        // Others may be losing their data just now, under jobs of their own.
        secrets.etcdHolders(cluster.name).then((holders) => {
          others = holders.filter((one) => one !== machine && cluster.controlPlane.includes(one));
          return living(cluster, others, context.signal);
        }),
      );
      if (joined === undefined) {
        return failed(
          `etcd of ${cluster.name} should live on ${others.join(', ')}, and none of them answers`,
          `ingot cluster show ${cluster.name}; whose disks are lost for good is taken out of it by ingot edit cluster ${cluster.name}`,
        );
      }
      if (joined.length > 0) {
        return done(`etcd of ${cluster.name} lives on ${joined.join(', ')}, and ${machine} joins it`);
      }
      // Written down first: after a crash in between it is known who may have begun it.
      await secrets.changeEtcdHolders(cluster.name, (known) => [...known, machine]);
      const made = await inTime(
        context,
        parts,
        timesOf(parts).bootstrap,
        `bootstraps etcd of ${cluster.name}`,
        async () => {
          using opened = await reach.node(cluster, machine, context.signal);
          const answer = await opened.node.bootstrap();
          if (answer.kind === 'not-yet') throw new MachineApiError('precondition', answer.because);
          return answer;
        },
      );
      if (!made) {
        return failed(
          `${machine} was not ready to bootstrap etcd within ${minutes(timesOf(parts).bootstrap)}`,
          `ingot job logs ${context.job().id}; then ingot install ${machine} again`,
        );
      }
      return done(
        made.kind === 'already' ? 'etcd was bootstrapped already' : `etcd of ${cluster.name} is bootstrapped`,
      );
    },
  };
}

/** Until the machine says of itself that it is ready: its services, and as a node of Kubernetes. */
export function awaitReadyStep(parts: TalosParts): Step {
  const { reach, secrets } = parts;
  return {
    name: 'await-ready',
    tries: 20,
    silentMs: 10 * MINUTE_MS,
    async run(context) {
      const { machine } = context.job();
      const member = memberOf(context, parts);
      if (!member) return failed(`no cluster names ${machine} any more`, 'ingot get cluster');
      const { cluster } = member;
      const why = await untilReady(context, parts, cluster, timesOf(parts).ready);
      if (why !== undefined) {
        return failed(`${machine} runs and is not ready: ${why}`, `ingot cluster show ${cluster.name}`);
      }
      if (roleIn(cluster, machine) === 'controlplane') {
        await secrets.changeEtcdHolders(cluster.name, (known) => [...known, machine]);
      }
      using opened = await reach.node(cluster, machine, context.signal);
      return done(`${memberText(cluster, machine)} is ready, with Talos ${talosVersionText(opened.node.version)}`);
    },
  };
}

/** Why it was not ready when the time was over; nothing once it is. */
export async function untilReady(
  context: StepContext,
  parts: TalosParts,
  cluster: ClusterDocument,
  ms: number,
): Promise<string | undefined> {
  const { machine } = context.job();
  let why = 'it was never asked';
  const ready = await inTime(context, parts, ms, `waits until ${machine} is ready`, async () => {
    using opened = await parts.reach.node(cluster, machine, context.signal);
    const health = await opened.node.health();
    const unwell = health.unwell.map(
      ({ id, state, message }) => `${id} ${state}${message === '' ? '' : ` (${message})`}`,
    );
    const unmet = health.unmet.map(({ name, reason }) => `${name}: ${reason}`);
    if (health.stage === 'running' && health.ready && unwell.length === 0) return true;
    why = [`stage ${health.stage}`, ...unmet, ...unwell].join('; ');
    throw new MachineApiError('precondition', why);
  });
  return ready === true ? undefined : why;
}

/** What `look` gives once it does not reject with a `MachineApiError`; nothing when the time is over. */
export async function inTime<T>(
  context: StepContext,
  parts: Pick<TalosParts, 'now' | 'times'>,
  ms: number,
  doing: string,
  look: () => Promise<T>,
): Promise<T | undefined> {
  const { now } = parts;
  const until = now() + ms;
  context.progress(doing);
  for (;;) {
    try {
      return await look();
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof MachineApiError)) throw error;
      context.progress(`${doing}: ${error.message}`);
    }
    if (now() > until) return undefined;
    await sleep(timesOf(parts).look, undefined, { signal: context.signal });
  }
}

export function memberOf(
  context: StepContext,
  { registry }: Pick<TalosParts, 'registry'>,
): { readonly cluster: ClusterDocument; readonly machine: string } | undefined {
  const { machine, plan } = context.job();
  const named = plan?.talos?.cluster;
  const cluster = registry.clusterOf(machine);
  return cluster && (named === undefined || named === cluster.name) ? { cluster, machine } : undefined;
}

async function asMember(
  { reach }: TalosParts,
  cluster: ClusterDocument,
  machine: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    using _opened = await reach.node(cluster, machine, signal);
    return true;
  } catch (error) {
    if (!(error instanceof MachineApiError)) throw error;
    return false;
  }
}

/** What it had of etcd is gone with its disk. */
export async function forgetEtcd(
  { secrets }: Pick<TalosParts, 'secrets'>,
  cluster: ClusterDocument,
  machine: string,
): Promise<void> {
  await secrets.changeEtcdHolders(cluster.name, (known) => known.filter((one) => one !== machine));
}

function seenOf(note: string | undefined): Seen | undefined {
  const [address, fingerprint] = note?.split(' ', 2) ?? [];
  return address === undefined || fingerprint === undefined
    ? undefined
    : { address: address as Seen['address'], fingerprint };
}

/** Did a person acknowledge that one kind of identifier has to do? */
export const isSingle = (context: StepContext, { identifiers, machine }: Plan): boolean =>
  new Set(identifiers.map(({ kind }) => kind)).size < 2 && context.job().confirmed?.said.includes(machine) === true;
