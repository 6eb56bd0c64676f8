import type { Inventory } from '#machines/contract/inventory.ts';
import type { ClusterDocument } from '#machines/contract/cluster.ts';
import type { Plan, PlannedDisk } from '#machines/contract/job.ts';
import type { ProfileDocument } from '#machines/contract/documents.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { profileOf } from '#machines/decide/classes.ts';
import { makePlan, type PlannedKind, type PlanRequest } from '#machines/decide/jobs/make-plan.ts';
import { installerOf, roleIn, versionOf } from '#machines/os/talos/cluster-config.ts';
import { roomBeside } from '#machines/os/image/seeds.ts';
import type { DiskImages } from '#services/images/contract.ts';
import type { Outcome, Registry } from '#services/registry/contract.ts';
import type { InventoryStore } from '#services/store/contract.ts';
import { type ClusterConfigs, schematicOf } from '#services/talos/configs.ts';
import type { StepParts } from './steps.ts';
import type { UpkeepPlan } from './talos/upkeep-plan.ts';

export type PlanQuestion = {
  readonly kind: PlannedKind;
  readonly machine: string;
  readonly profile?: string | undefined;
  readonly method?: PlanRequest['method'] | undefined;
  /** Serials or WWNs. */
  readonly disks?: readonly string[] | undefined;
  /** install: the cluster that the machine is to be of, before it is stored; one that is stored counts for more. */
  readonly cluster?: ClusterDocument | undefined;
  /** upgrade: to which release; else the one that the cluster's document says. */
  readonly to?: string | undefined;
  /** reset of a member of a cluster: all of the system disk where nothing is said. */
  readonly erase?: 'disk' | 'configuration' | undefined;
  /** reset of a member: it leaves its cluster first, where nothing else is said. */
  readonly graceful?: boolean | undefined;
};

export type PlanFor = (question: PlanQuestion) => Promise<Outcome<Omit<Plan, 'id' | 'digest'>>>;

/** Makes plans from what is known now. What stands against one is in its `refusals`: a person wants to see all of them. */
export function planMaker(parts: {
  readonly registry: Pick<Registry, 'machine' | 'machines' | 'classes' | 'profile' | 'image' | 'clusterOf'>;
  readonly inventories: Pick<InventoryStore, 'latest'>;
  readonly diskImages: DiskImages;
  readonly besideImage: StepParts['besideImage'];
  readonly configs: Pick<ClusterConfigs, 'problems'>;
  /** What is done to machines by their own Talos. */
  readonly upkeep: UpkeepPlan;
  readonly now: () => number;
}): PlanFor {
  const { registry, inventories, diskImages, now } = parts;

  /** WWNs of this machine that another one shows too: two heads of one shelf. */
  async function sharedWwns(own: Machine, inventory: Inventory | undefined): Promise<ReadonlySet<string>> {
    const wwns = new Set(inventory?.disks.flatMap(({ wwn }) => wwn ?? []));
    if (wwns.size === 0) return wwns;
    const others = registry.machines().filter(({ document }) => document.name !== own.document.name);
    const shared = new Set<string>();
    for (const { document } of others) {
      for (const { disks } of await inventories.latest(document.name)) {
        for (const { wwn } of disks) if (wwn !== undefined && wwns.has(wwn)) shared.add(wwn);
      }
    }
    return shared;
  }

  function talosInstall(
    request: PlanRequest,
    profile: ProfileDocument,
    cluster: ClusterDocument | undefined,
  ): Outcome<Omit<Plan, 'id' | 'digest'>> {
    const { machine } = request;
    const { name } = machine.document;
    const image = profile.image === undefined ? undefined : registry.image(profile.image);
    if (!image) {
      const because = `profile ${profile.name} names no image with the kernel of Talos`;
      return { kind: 'refused', because, next: `ingot edit profile ${profile.name}` };
    }
    if (!cluster) {
      const because = `${name} would run Talos, and no cluster names it`;
      return { kind: 'refused', because, next: `ingot cluster create NAME --control-plane ${name}` };
    }
    const work = {
      cluster: cluster.name,
      role: roleIn(cluster, name),
      to: cluster.talos,
      kubernetes: cluster.kubernetes,
      installer: installerOf(cluster, schematicOf(cluster), versionOf(cluster)),
      keeps: ['every disk but the one to install on'],
    };
    const [first] = cluster.controlPlane;
    const talos = {
      work,
      bootstraps: first === name,
      problems: (target: PlannedDisk) => parts.configs.problems(machine, profile, target, cluster),
    };
    return {
      kind: 'done',
      value: makePlan({ ...request, profile: { name: profile.name, image: image.name, os: 'talos', talos } }),
    };
  }

  return async (question) => {
    const { kind, machine: name, profile: asked, method, disks } = question;
    const machine = registry.machine(name);
    if (!machine) return { kind: 'not-found', what: `machine ${name}` };
    const cluster = registry.clusterOf(name) ?? question.cluster;
    if (kind === 'upgrade' || kind === 'rollback') return await parts.upkeep({ ...question, kind }, machine, cluster);
    if (kind === 'reset' && cluster && method === undefined && disks === undefined) {
      return await parts.upkeep({ ...question, kind }, machine, cluster);
    }
    const told = await inventories.latest(name);
    const inventory = told.find(({ source }) => source === 'agent');
    const request: PlanRequest = {
      kind,
      machine,
      inventory,
      outOfBand: told.find(({ source }) => source === 'bmc'),
      sharedWwns: await sharedWwns(machine, inventory),
      now: now(),
      ...(method === undefined ? {} : { method }),
      ...(disks === undefined ? {} : { only: disks }),
    };
    if (kind !== 'install' && kind !== 'reprovision') return { kind: 'done', value: makePlan(request) };

    const profile =
      asked === undefined
        ? profileOf(machine, registry.classes(), (one) => registry.profile(one)).profile
        : registry.profile(asked);
    if (asked !== undefined && !profile) return { kind: 'not-found', what: `profile ${asked}` };
    if (!profile) return { kind: 'done', value: makePlan(request) };
    const next = `ingot ${kind} ${name} --profile PROFILE`;
    if (profile.os === 'installer') {
      const named = profile.image === undefined ? undefined : registry.image(profile.image);
      if (!named) {
        const because = `profile ${profile.name} names no image with the installer’s kernel`;
        return { kind: 'refused', because, next: `ingot edit profile ${profile.name}` };
      }
      const installed = { name: profile.name, image: named.name, os: profile.os };
      return { kind: 'done', value: makePlan({ ...request, profile: installed }) };
    }
    if (profile.os === 'talos') return talosInstall(request, profile, cluster);
    if (profile.os !== 'image' && profile.os !== 'bottlerocket') {
      const because = `profile ${profile.name} is os: ${profile.os}; want os: image | bottlerocket | installer | talos`;
      return { kind: 'refused', because, next };
    }
    if (profile.image === undefined) {
      return {
        kind: 'refused',
        because: `profile ${profile.name} names no image`,
        next: `ingot edit profile ${profile.name}`,
      };
    }
    const image = await diskImages.get(profile.image);
    if (image.kind !== 'ready') return { kind: 'refused', because: image.because, next: 'ingot image list' };
    const { sha256, rawBytes } = image.image;
    // The job makes it again: what counts are the documents of then.
    const beside = parts.besideImage(name, profile.name, 'plan');
    return {
      kind: 'done',
      value: makePlan({
        ...request,
        profile: {
          name: profile.name,
          image: profile.image,
          imageSha256: sha256,
          bytes: rawBytes + (beside.ok ? roomBeside(beside.work) : 0),
          ...(profile.os === 'bottlerocket' ? { os: profile.os } : {}),
          problems: beside.ok ? [] : beside.problems,
        },
      }),
    };
  };
}
