import type { MachineDocument } from '../contract/documents.ts';
import type { Inventory } from '../contract/inventory.ts';
import type { Job } from '../contract/job.ts';
import type { Machine } from '../contract/machine.ts';
import { isPlaceholderSerial } from './identity.ts';
import { DIFFERENCE_FACT } from './inspection.ts';

/** Both were heard within so long: they are two machines that run. */
const BOTH_RUN_MS = 10 * 60_000;

export type Replacement =
  /** Nothing can be done as it stands; `next` says what would help. */
  | { readonly kind: 'refused'; readonly because: string; readonly next: string }
  | {
      readonly kind: 'possible';
      /** The old machine's document, with the identifiers of the new hardware. */
      readonly document: MachineDocument;
      /** What goes over, in words. */
      readonly moves: readonly string[];
      /** What a person must have seen first: each is lost or wrong afterwards, or says that these are two machines. */
      readonly conflicts: readonly string[];
    };

/**
 * Other hardware takes the place of a machine: a board was exchanged, a server went back to its maker. Name, address,
 * profile, labels, credentials and history stay; MACs, UUID and serial become those of the new one, whose own record
 * ends. Whatever the two disagree in is a conflict: nothing is merged silently.
 */
export function planReplacement(known: {
  readonly old: Machine;
  readonly by: Machine;
  /** The newest of the new hardware, in band before out of band. */
  readonly inventory: Inventory | undefined;
  readonly jobs: readonly Job[];
  readonly now: number;
}): Replacement {
  const { old, by, inventory, jobs, now } = known;
  const [name, other] = [old.document.name, by.document.name];
  if (name === other) {
    return { kind: 'refused', because: 'a machine cannot take its own place', next: 'name the hardware that came' };
  }
  for (const machine of [old, by]) {
    if (!machine.locked) continue;
    const locked = machine.document.name;
    return { kind: 'refused', because: `${locked} is locked`, next: `ingot machine unlock ${locked}` };
  }
  const [job] = jobs;
  if (job) {
    const because = `job ${job.id} (${job.kind}) of ${job.machine} has not ended`;
    return { kind: 'refused', because, next: `ingot job cancel ${job.id}` };
  }
  const macs = [...new Set([...by.document.macs, ...by.identifiers.macs])];
  if (macs.length === 0) {
    return {
      kind: 'refused',
      because: `nothing is known of ${other} by which to tell it`,
      next: 'let it netboot once',
    };
  }
  const { uuid: oldUuid, serial: oldSerial, ...kept } = old.document;
  const uuid = oldUuid && (by.document.uuid ?? by.identifiers.uuids[0]);
  const serial =
    oldSerial === undefined
      ? undefined
      : (by.document.serial ?? by.identifiers.serials.find((one) => !isPlaceholderSerial(one)));
  const document: MachineDocument = {
    ...kept,
    macs,
    ...(uuid === undefined ? {} : { uuid }),
    ...(serial === undefined ? {} : { serial }),
  };
  return {
    kind: 'possible',
    document,
    moves: [
      `${name} is ${macs.join(', ')} from now on; it was ${listed(old.document.macs)}`,
      ...(oldUuid ? [`UUID ${oldUuid} becomes ${uuid ?? 'unknown'}`] : []),
      ...(oldSerial === undefined ? [] : [`serial ${oldSerial} becomes ${serial ?? 'unknown'}`]),
      ...(kept.address === undefined ? [] : [`address ${kept.address} goes to the new hardware`]),
      ...(kept.bmc?.credential === undefined ? [] : [`BMC credential ${kept.bmc.credential} stays with ${name}`]),
      `history and inventories of both are those of ${name}; the record ${other} ends`,
    ],
    conflicts: [...running(old, by, now), ...givenUp(by, old), ...doesNotFit(old, by, inventory)],
  };
}

/** A machine that is replaced is not there any more. */
function running(old: Machine, by: Machine, now: number): readonly string[] {
  const seenAt = old.lastSeen ?? 0;
  if (seenAt <= (by.firstSeen ?? 0) || now - seenAt > BOTH_RUN_MS) return [];
  return [`${old.document.name} was heard ${Math.round((now - seenAt) / 60_000)} minutes ago: both may be running`];
}

/** What somebody wrote down for the record that ends. */
function givenUp({ document, acceptance, service, facts }: Machine, old: Machine): readonly string[] {
  const { name } = document;
  const own = (what: string, value: string | undefined, kept: string | undefined): readonly string[] =>
    value === undefined || value === kept ? [] : [`${name} has ${what} ${value} of its own, which is given up`];
  const difference = Object.hasOwn(facts, DIFFERENCE_FACT) ? facts[DIFFERENCE_FACT]?.value : undefined;
  return [
    ...(acceptance === 'rejected' ? [`${name} was rejected`] : []),
    ...(service === 'none' ? [] : [`${name} is ${service}`]),
    ...own('the address', document.address, old.document.address),
    ...own('the profile', document.profile, old.document.profile),
    ...own('a BMC at', document.bmc?.address, old.document.bmc?.address),
    ...own('labels', textOf(document.labels), textOf(old.document.labels)),
    ...(document.disks ? [`${name} has a choice of disks of its own, which is given up`] : []),
    ...(document.network ? [`${name} has a network of its own, which is given up`] : []),
    ...(typeof difference === 'string' ? [`${name}: ${difference}`] : []),
  ];
}

/** What the old document says of hardware that is not the same. */
function doesNotFit({ document }: Machine, by: Machine, inventory: Inventory | undefined): readonly string[] {
  const { name, disks, network, bmc } = document;
  const found: string[] = [];
  const { serial, wwn } = disks?.install ?? {};
  if ((serial !== undefined || wwn !== undefined) && inventory) {
    const isThere = inventory.disks.some((disk) => disk.serial === serial || (wwn !== undefined && disk.wwn === wwn));
    if (!isThere) found.push(`disks.install of ${name} names ${serial ?? wwn}, which is not in the new hardware`);
  }
  for (const { mac } of network?.interfaces ?? []) {
    if (mac !== undefined && !by.document.macs.includes(mac) && !by.identifiers.macs.includes(mac)) {
      found.push(`network.interfaces of ${name} names ${mac}, which is not in the new hardware`);
    }
  }
  const seen = inventory?.bmc?.address;
  const written = bmc?.address?.replace(/^https?:\/\//, '').replace(/[:/].*$/, '');
  if (written !== undefined && seen !== undefined && written !== seen) {
    found.push(`the BMC of ${name} is at ${written}, the new board says ${seen}`);
  }
  return found;
}

const listed = (values: readonly string[]): string => (values.length === 0 ? 'not known by a MAC' : values.join(', '));

function textOf(labels: Readonly<Record<string, string>>): string | undefined {
  const text = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');
  return text === '' ? undefined : text;
}
