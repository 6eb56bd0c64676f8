import type { Inventory } from '#machines/contract/inventory.ts';
import type { Plan } from '#machines/contract/job.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { profileOf } from '#machines/decide/classes.ts';
import { makePlan, type PlannedKind, type PlanRequest } from '#machines/decide/jobs/make-plan.ts';
import { roomBeside } from '#machines/os/image/seeds.ts';
import type { DiskImages } from '#services/images/contract.ts';
import type { Outcome, Registry } from '#services/registry/contract.ts';
import type { InventoryStore } from '#services/store/contract.ts';
import type { StepParts } from './steps.ts';

export type PlanQuestion = {
  readonly kind: PlannedKind;
  readonly machine: string;
  readonly profile?: string | undefined;
  readonly method?: PlanRequest['method'] | undefined;
  /** Serials or WWNs. */
  readonly disks?: readonly string[] | undefined;
};

export type PlanFor = (question: PlanQuestion) => Promise<Outcome<Omit<Plan, 'id' | 'digest'>>>;

/** Makes plans from what is known now. What stands against one is in its `refusals`: a person wants to see all of them. */
export function planMaker(parts: {
  readonly registry: Pick<Registry, 'machine' | 'machines' | 'classes' | 'profile' | 'image'>;
  readonly inventories: Pick<InventoryStore, 'latest'>;
  readonly diskImages: DiskImages;
  readonly besideImage: StepParts['besideImage'];
  readonly now: () => number;
}): PlanFor {
  const { registry, inventories, diskImages, now } = parts;

  const inBand = async (machine: string): Promise<Inventory | undefined> =>
    (await inventories.latest(machine)).find(({ source }) => source === 'agent');

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

  return async ({ kind, machine: name, profile: asked, method, disks }) => {
    const machine = registry.machine(name);
    if (!machine) return { kind: 'not-found', what: `machine ${name}` };
    const inventory = await inBand(name);
    const request: PlanRequest = {
      kind,
      machine,
      inventory,
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
    if (profile.os !== 'image' && profile.os !== 'bottlerocket') {
      const because = `profile ${profile.name} is os: ${profile.os}; want os: image | bottlerocket | installer`;
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
