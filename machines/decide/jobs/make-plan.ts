import type { Inventory, InventoryDisk } from '../../contract/inventory.ts';
import type { JobKind, Plan, PlannedDisk, TalosWork, WipeMethod } from '../../contract/job.ts';
import type { Machine } from '../../contract/machine.ts';
import { holdsBottlerocket } from '../../os/bottlerocket/layout.ts';
import { isDisk, NOT_ASKED_FOR, whyLeftAlone } from './disk-eligibility.ts';
import { acknowledgeSingle, identifiersOf } from './prove-machine.ts';
import { vetoOf } from './signature-veto.ts';
import { unreachableDrives } from './unreachable-drives.ts';

/** Kinds that write disks, and therefore have a plan. */
export const PLANNED_KINDS = [
  'install',
  'wipe',
  'reset',
  'reprovision',
  'retire',
  'upgrade',
  'rollback',
] as const satisfies readonly JobKind[];
export type PlannedKind = (typeof PLANNED_KINDS)[number];
/** Those whose work the agent does, or begins. */
export type AgentPlannedKind = Exclude<PlannedKind, 'upgrade' | 'rollback'>;
export const isPlanned = (kind: JobKind): kind is PlannedKind => PLANNED_KINDS.some((one) => one === kind);

export type PlanRequest = {
  readonly kind: AgentPlannedKind;
  readonly machine: Machine;
  /** From the agent, in band: nothing else names disks as they are. */
  readonly inventory: Inventory | undefined;
  /** From its BMC: it knows drives that are hidden behind a controller. */
  readonly outOfBand?: Inventory | undefined;
  /** install and reprovision: what is written. */
  readonly profile?: {
    readonly name: string;
    readonly image: string;
    /** Absent for an installer, which brings what it writes itself. */
    readonly imageSha256?: string;
    /** Of the image, and of what is written behind it. */
    readonly bytes?: number;
    /** It mounts by the labels of partitions, which no other disk may have. */
    readonly os?: 'bottlerocket' | 'installer' | 'talos';
    /** What cannot be written beside the image, by its key in the documents. */
    readonly problems?: readonly { readonly key: string; readonly because: string }[];
    /** os: talos — what it becomes in its cluster, and what stands against it on that disk. */
    readonly talos?: {
      readonly work: TalosWork;
      /** etcd is begun on this one. */
      readonly bootstraps: boolean;
      readonly problems: (target: PlannedDisk) => readonly { readonly key: string; readonly because: string }[];
    };
  };
  readonly method?: 'best' | WipeMethod;
  /** wipe: only these disks, by serial or WWN; all local ones where none is named. */
  readonly only?: readonly string[];
  /** WWNs that more than one machine shows. */
  readonly sharedWwns: ReadonlySet<string>;
  readonly now: number;
};

type Draft = Omit<Plan, 'id' | 'digest'>;

const STEPS: Readonly<Record<AgentPlannedKind, readonly string[]>> = {
  wipe: ['boot-agent', 'prove-machine', 'wipe-disks'],
  reset: ['boot-agent', 'prove-machine', 'wipe-disks'],
  retire: ['boot-agent', 'prove-machine', 'wipe-disks', 'power-off'],
  install: ['boot-agent', 'prove-machine', 'write-image', 'boot-disk'],
  reprovision: ['boot-agent', 'prove-machine', 'wipe-disks', 'write-image', 'boot-disk'],
};

/** What takes the place of writing an image, where a network installer does it. */
const INSTALLER_STEPS: Readonly<Record<string, string>> = {
  'write-image': 'boot-installer',
  'boot-disk': 'await-report',
};

/** The same where Talos does it: it installs itself, and then joins its cluster. */
const TALOS_STEPS: Readonly<Record<string, readonly string[]>> = {
  'write-image': ['boot-talos', 'apply-config'],
  'boot-disk': ['watch-install', 'await-ready'],
};

function stepsOf({ kind, profile }: PlanRequest): string[] {
  const steps = [...STEPS[kind]];
  if (profile?.os === 'installer') return steps.map((step) => INSTALLER_STEPS[step] ?? step);
  if (profile?.os !== 'talos') return steps;
  const own = steps.flatMap((step) => TALOS_STEPS[step] ?? step);
  return profile.talos?.bootstraps === true
    ? own.flatMap((step) => (step === 'await-ready' ? ['bootstrap-etcd', step] : step))
    : own;
}

const writes = (kind: AgentPlannedKind): boolean => kind === 'install' || kind === 'reprovision';

/**
 * Exactly what would be done to which disk, or why it must not be. The same request gives the same plan: `--plan` shows
 * what a confirmation would then be bound to by its digest.
 */
export function makePlan(request: PlanRequest): Draft {
  const { kind, machine, inventory, profile } = request;
  const { name } = machine.document;
  const refusals: { because: string; next: string }[] = [];
  if (!inventory) {
    refusals.push({
      because: `${name} has no inventory from the agent, so nobody knows its disks`,
      next: `ingot inspect ${name}`,
    });
  }
  if (writes(kind) && !profile) {
    refusals.push({ because: 'no profile says what to install', next: `ingot ${kind} ${name} --profile PROFILE` });
  }
  const candidates = (inventory?.disks ?? []).map((disk) => ({ disk, alone: reasonToSpare(disk, request) }));
  const free = candidates.filter(({ alone }) => alone === undefined).map(({ disk }) => disk);
  const target = writes(kind) ? installDisk(machine, free, profile?.bytes, refusals) : undefined;
  refusals.push(
    ...(profile?.problems ?? []).map(({ key, because }) => ({
      because: `${key}: ${because}`,
      next: `ingot explain ${name} --config`,
    })),
    ...(profile?.os === 'bottlerocket' ? secondBottlerockets(request, target) : []),
    ...(profile?.os === 'installer' && target ? unnamed(machine, target) : []),
  );
  const disks = candidates.map(({ disk, alone }): PlannedDisk => plannedDisk(disk, alone, request, target));
  const hidden = inventory && kind !== 'install' ? unreachableDrives(inventory, request.outOfBand) : [];
  for (const named of request.only ?? []) {
    if (candidates.some(({ disk }) => isDisk(disk, named))) continue;
    const because = hidden.find((drive) => isDisk(drive, named))?.because;
    const lacks = `${name} has no disk with serial or WWN ${named}`;
    refusals.push({
      because: because === undefined ? lacks : `${lacks} that can be reached: ${because}`,
      next: `ingot machine show ${name}`,
    });
  }
  const written = disks.find(({ act }) => act === 'write');
  if (written && profile?.talos) {
    for (const { key, because } of profile.talos.problems(written)) {
      refusals.push({ because: `${key}: ${because}`, next: `ingot explain ${name} --config` });
    }
  }
  const touched = disks.filter(({ act }) => act === 'wipe' || act === 'write');
  if (inventory && touched.length === 0 && refusals.length === 0) {
    refusals.push({ because: 'no disk is left that may be touched', next: `ingot machine show ${name}` });
  }
  const identifiers = inventory ? identifiersOf(inventory) : [];
  return {
    kind,
    machine: name,
    createdAt: request.now,
    ...(profile ? { profile: profile.name, image: profile.image } : {}),
    ...(profile?.imageSha256 === undefined ? {} : { imageSha256: profile.imageSha256 }),
    disks: [...disks, ...hidden.map((drive) => unlessOnly(drive, request))],
    identifiers,
    ...(inventory ? { inventoryAt: inventory.at } : {}),
    ...(profile?.talos ? { talos: profile.talos.work } : {}),
    steps: stepsOf(request),
    acknowledge: [
      ...touched.flatMap((disk) =>
        disk.vetoes.map((veto) => ({ what: `${labelOf(disk)} is ${veto}`, say: disk.serial ?? disk.wwn ?? name })),
      ),
      ...touched.flatMap((disk) =>
        disk.serial === undefined && disk.wwn === undefined
          ? [{ what: `${disk.name} has neither serial nor WWN: only path, model and size name it`, say: name }]
          : [],
      ),
      ...(inventory ? acknowledgeSingle(name, identifiers) : []),
    ],
    refusals,
  };
}

const labelOf = (disk: Pick<PlannedDisk, 'name' | 'serial' | 'wwn'>): string =>
  `${disk.name} (${disk.serial === undefined ? (disk.wwn ?? 'no serial') : `serial ${disk.serial}`})`;

function reasonToSpare(
  disk: InventoryDisk,
  { machine, sharedWwns, only }: PlanRequest,
): { readonly act: 'keep' | 'leave-alone'; readonly because: string } | undefined {
  const because = whyLeftAlone(disk, sharedWwns);
  if (because !== undefined) return { act: 'leave-alone', because };
  if (machine.document.disks?.keep.some((named) => isDisk(disk, named))) {
    return { act: 'keep', because: 'the machine’s document says keep' };
  }
  if (only !== undefined && only.length > 0 && !only.some((named) => isDisk(disk, named))) {
    return { act: 'leave-alone', because: NOT_ASKED_FOR };
  }
  return undefined;
}

/** Who names the disks to erase asks for no others: those that cannot be reached then fail nothing. */
const unlessOnly = (drive: PlannedDisk, { only = [] }: PlanRequest): PlannedDisk =>
  only.length === 0 ? drive : { ...drive, act: 'leave-alone', because: NOT_ASKED_FOR };

/** The one disk that an OS goes to. Ambiguity is refused, never resolved by order (safety rule 1). */
function installDisk(
  machine: Machine,
  free: readonly InventoryDisk[],
  bytes: number | undefined,
  refusals: { because: string; next: string }[],
): InventoryDisk | undefined {
  const { name, disks } = machine.document;
  const wanted = disks?.install;
  const edit = `ingot edit machine ${name}, disks.install.serial`;
  const named = wanted?.serial ?? wanted?.wwn;
  const matching = free.filter(
    (disk) =>
      (wanted?.serial === undefined || isDisk({ serial: disk.serial }, wanted.serial)) &&
      (wanted?.wwn === undefined || isDisk({ wwn: disk.wwn }, wanted.wwn)),
  );
  const [disk] = matching;
  if (!disk) {
    refusals.push({
      because: named === undefined ? 'no disk is free to install on' : `no free disk has serial or WWN ${named}`,
      next: named === undefined ? `ingot machine show ${name}` : edit,
    });
    return undefined;
  }
  if (matching.length > 1) {
    refusals.push({
      because: `${matching.length} disks could be meant: ${matching.map((one) => one.serial ?? one.wwn ?? one.name ?? '?').join(', ')}`,
      next: edit,
    });
    return undefined;
  }
  if (bytes !== undefined && disk.bytes < bytes) {
    refusals.push({
      because: `the image needs ${bytes} bytes, ${disk.name ?? disk.serial ?? 'the disk'} only ${disk.bytes}`,
      next: 'take a larger disk or a smaller image',
    });
  }
  return disk;
}

/**
 * The names of a disk that may stand in an installer’s script: plain words only. One of them is enough; ATA drives without
 * a WWN tell one that is made of vendor, model and blanks.
 */
export function scriptNames({
  serial,
  wwn,
}: {
  readonly serial?: string | undefined;
  readonly wwn?: string | undefined;
}): { readonly serial: string; readonly wwn: string } | undefined {
  const plain = (text: string | undefined): string =>
    text !== undefined && /^[A-Za-z0-9._:-]+$/.test(text) ? text : '';
  const names = { serial: plain(serial), wwn: plain(wwn) };
  return names.serial === '' && names.wwn === '' ? undefined : names;
}

/** An installer’s script knows a disk by what it is told of it, in plain words. */
function unnamed(
  { document: { name } }: Machine,
  { serial, wwn, name: path }: InventoryDisk,
): readonly { readonly because: string; readonly next: string }[] {
  if (scriptNames({ serial, wwn }) !== undefined) return [];
  const because = `${path ?? 'the disk'} has no serial or WWN that an installer could find it by`;
  return [{ because, next: `ingot install ${name} with a profile of os: image` }];
}

/** A second disk with its labels is taken for the first one. Disks that this very job erases are none. */
function secondBottlerockets(
  request: PlanRequest,
  target: InventoryDisk | undefined,
): readonly { readonly because: string; readonly next: string }[] {
  const { kind, machine, inventory } = request;
  const wipe = `ingot wipe ${machine.document.name}`;
  return (inventory?.disks ?? []).flatMap((disk) => {
    if (disk === target || !holdsBottlerocket(disk.signatures)) return [];
    if (kind === 'reprovision' && !reasonToSpare(disk, request)) return [];
    const named = disk.serial ?? disk.wwn;
    const because = `${disk.name ?? named ?? 'a disk'} holds a Bottlerocket too, and would be taken for this one`;
    return [{ because, next: named === undefined ? wipe : `${wipe} --disk ${named}` }];
  });
}

function plannedDisk(
  disk: InventoryDisk,
  spared: { readonly act: 'keep' | 'leave-alone'; readonly because: string } | undefined,
  { kind, profile, method = 'best' }: PlanRequest,
  target: InventoryDisk | undefined,
): PlannedDisk {
  const shown = {
    name: disk.name ?? '',
    ...(disk.serial === undefined ? {} : { serial: disk.serial }),
    ...(disk.wwn === undefined ? {} : { wwn: disk.wwn }),
    ...(disk.model === undefined ? {} : { model: disk.model }),
    bytes: disk.bytes,
    signatures: [...disk.signatures],
    vetoes: [],
  };
  if (spared) return { ...shown, ...spared };
  const vetoes = [...new Set(disk.signatures.flatMap((one) => vetoOf(one) ?? []))];
  const wiped = kind !== 'install';
  if (disk === target) {
    const because = `${wiped ? 'erased, then ' : ''}written with ${profile?.image ?? 'the image'}`;
    return { ...shown, vetoes, act: 'write', because, ...(wiped ? { method } : {}) };
  }
  if (!wiped) return { ...shown, act: 'leave-alone', because: 'not the disk to install on' };
  return { ...shown, vetoes, act: 'wipe', because: `everything on it is erased`, method };
}
