import { type ClusterDocument, clusterDocument } from '#machines/contract/cluster.ts';
import type { Inventory } from '#machines/contract/inventory.ts';
import type { Plan, PlannedDisk, TalosWork } from '#machines/contract/job.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { resolveConfigPath } from '#machines/decide/config-path.ts';
import { acknowledgeSingle, identifiersOf } from '#machines/decide/jobs/prove-machine.ts';
import { installerOf, roleIn, versionOf } from '#machines/os/talos/cluster-config.ts';
import { parseTalosVersion, talosVersionText } from '#machines/os/talos/version.ts';
import { MachineApiError } from '#services/machine-api/machine-api-error.ts';
import type { Outcome } from '#services/registry/contract.ts';
import { schematicOf } from '#services/talos/configs.ts';
import { talosHardware } from '#services/talos/hardware.ts';
import type { PlanQuestion } from '../plan-for.ts';
import { memberText, type TalosReach } from './reach.ts';

export type UpkeepKind = 'upgrade' | 'rollback' | 'reset';

/** What would be done to a machine by its own Talos: it is asked what it runs, and on which disk. */
export type UpkeepPlan = (
  question: PlanQuestion & { readonly kind: UpkeepKind },
  machine: Machine,
  cluster: ClusterDocument | undefined,
) => Promise<Outcome<Omit<Plan, 'id' | 'digest'>>>;

const STEPS: Readonly<Record<UpkeepKind, readonly string[]>> = {
  upgrade: ['await-turn', 'check-cluster', 'upgrade-talos', 'await-upgraded'],
  rollback: ['await-turn', 'check-cluster', 'rollback-talos', 'await-rolled-back'],
  reset: ['await-turn', 'check-cluster', 'reset-talos', 'await-erased'],
};

const ASK_MS = 30_000;

type Seen = {
  readonly version: string;
  readonly hardware: Inventory;
  readonly disk: string | undefined;
  readonly commandLine: readonly string[];
};

export function upkeepPlanner(parts: {
  readonly reach: Pick<TalosReach, 'node'>;
  readonly now: () => number;
}): UpkeepPlan {
  const { reach, now } = parts;

  async function ask(cluster: ClusterDocument, machine: string): Promise<Seen | string> {
    const signal = AbortSignal.timeout(ASK_MS);
    try {
      using opened = await reach.node(cluster, machine, signal);
      const [hardware, disk, commandLine] = await Promise.all([
        talosHardware(opened.client, now(), { signal }),
        opened.node.systemDisk(),
        opened.node.commandLine(),
      ]);
      return { version: talosVersionText(opened.node.version), hardware, disk, commandLine };
    } catch (error) {
      if (error instanceof MachineApiError) return error.message;
      if (signal.aborted) return `it did not answer within ${ASK_MS / 1000} s`;
      throw error;
    }
  }

  return async (question, machine, cluster) => {
    const { kind } = question;
    const { name } = machine.document;
    if (!cluster) {
      const because = `no cluster names ${name}; ${kind} is for machines that run Talos`;
      return { kind: 'refused', because, next: `ingot get machine ${name}` };
    }
    const wanted =
      question.to === undefined ? { ok: true as const, value: versionOf(cluster) } : parseTalosVersion(question.to);
    if (!wanted.ok) return { kind: 'invalid', path: 'to', because: wanted.because };
    const refusals: { because: string; next: string }[] = [];
    const seen = await ask(cluster, name);
    if (typeof seen === 'string') {
      refusals.push({
        because: `${memberText(cluster, name)} does not answer: ${seen}`,
        next:
          kind === 'reset' ? `ingot wipe ${name}, which needs no answer of it` : `ingot cluster show ${cluster.name}`,
      });
    }
    const answered = typeof seen === 'string' ? undefined : seen;
    const to = talosVersionText(wanted.value);
    if (kind === 'upgrade' && answered) {
      const from = parseTalosVersion(answered.version);
      if (answered.version === to) refusals.push({ because: `it runs Talos ${to} already`, next: 'nothing' });
      else if (from.ok && wanted.value.minor > from.value.minor + 1) {
        const because = `from ${answered.version} to ${to} is more than one minor release, which Talos does not support`;
        refusals.push({ because, next: `ingot upgrade ${name} --to v1.${from.value.minor + 1}.0` });
      } else if (from.ok && wanted.value.minor < from.value.minor) {
        const because = `${to} is older than ${answered.version}, which runs`;
        refusals.push({ because, next: `ingot rollback ${name}` });
      }
    }
    if (kind === 'upgrade') {
      // It is what the document says afterwards.
      const after = clusterDocument.safeParse({ ...cluster, talos: to });
      for (const { message } of after.error?.issues ?? []) {
        refusals.push({
          because: `${cluster.name} with Talos ${to}: ${message}`,
          next: `ingot edit cluster ${cluster.name}`,
        });
      }
    }
    const graceful = question.graceful ?? true;
    const role = roleIn(cluster, name);
    if (kind === 'reset' && graceful && role === 'controlplane' && cluster.controlPlane.length === 1) {
      const because = `${name} is the only control plane of ${cluster.name}, and cannot leave its own etcd`;
      refusals.push({ because, next: `ingot reset ${name} --no-graceful, by which the cluster is lost` });
    }
    const erase = question.erase ?? 'disk';
    if (kind === 'reset' && erase === 'configuration' && answered && fetches(answered.commandLine)) {
      const because = `${name} was installed to fetch its configuration by the token of that boot, which is void: without STATE it would ask in vain, and not wait in maintenance`;
      refusals.push({ because, next: `ingot reset ${name}, which erases the whole disk, and ingot install ${name}` });
    }
    const work: TalosWork = {
      cluster: cluster.name,
      role,
      ...(answered ? { from: answered.version } : {}),
      ...(kind === 'upgrade' ? { to, installer: installerOf(cluster, schematicOf(cluster), wanted.value) } : {}),
      ...(kind === 'reset' ? { erase, graceful } : {}),
      keeps: [...KEEPS[kind === 'reset' ? erase : kind]],
    };
    const disks = (answered?.hardware.disks ?? []).map((disk): PlannedDisk => {
      const isSystem = disk.name === answered?.disk;
      return {
        name: disk.name ?? '',
        ...(disk.serial === undefined ? {} : { serial: disk.serial }),
        ...(disk.wwn === undefined ? {} : { wwn: disk.wwn }),
        ...(disk.model === undefined ? {} : { model: disk.model }),
        bytes: disk.bytes,
        signatures: [],
        vetoes: [],
        ...(isSystem
          ? SYSTEM_DISK[kind === 'reset' ? erase : kind]
          : { act: 'leave-alone', because: 'not its system disk' }),
      };
    });
    const system = disks.find((disk) => disk.name === answered?.disk);
    if (answered && !system && kind !== 'rollback') {
      const because = `${name} does not say which disk its system is on, so that no plan can name it`;
      refusals.push({ because, next: `ingot cluster show ${cluster.name}` });
    }
    const say = system?.serial ?? system?.wwn ?? name;
    const identifiers = answered ? identifiersOf(answered.hardware) : [];
    return {
      kind: 'done',
      value: {
        kind,
        machine: name,
        createdAt: now(),
        talos: work,
        disks,
        identifiers,
        ...(answered ? { inventoryAt: answered.hardware.at } : {}),
        steps: [...STEPS[kind]],
        acknowledge: answered
          ? [
              ...(kind === 'reset' ? [{ what: `it is the live ${memberText(cluster, name)}`, say }] : []),
              ...acknowledgeSingle(name, identifiers),
            ]
          : [],
        refusals,
      },
    };
  };
}

/** An installed system keeps the address that it was booted with. One of somebody else's may be good for ever. */
const fetches = (commandLine: readonly string[]): boolean =>
  commandLine.some((word) => {
    const url = word.startsWith(CONFIG) ? URL.parse(word.slice(CONFIG.length)) : null;
    return url !== null && resolveConfigPath('GET', `${url.pathname}${url.search}`)?.item.kind === 'talos';
  });
const CONFIG = 'talos.config=';

const KEEPS = {
  upgrade: ['its configuration, etcd and what Kubernetes keeps there', 'the release that runs now, to go back to'],
  rollback: ['its configuration, etcd and what Kubernetes keeps there'],
  disk: ['every disk but its system disk'],
  configuration: ['Talos itself', 'every disk but its system disk'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

const SYSTEM_DISK = {
  upgrade: { act: 'write', because: 'the other of its two boot entries' },
  rollback: { act: 'keep', because: 'only the boot entry changes' },
  disk: { act: 'wipe', because: 'its system disk: all of it is erased' },
  configuration: {
    act: 'wipe',
    because: 'STATE and EPHEMERAL: its configuration, etcd and what Kubernetes keeps there',
  },
} as const satisfies Readonly<Record<string, Pick<PlannedDisk, 'act' | 'because'>>>;
