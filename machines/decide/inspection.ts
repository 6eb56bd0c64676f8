import type { Inventory } from '../contract/inventory.ts';
import type { Machine } from '../contract/machine.ts';
import { type MacAddress, parseMacAddress } from '../values/mac-address.ts';
import { isPlaceholderUuid, parseUuid, type Uuid } from '../values/uuid.ts';
import { isPlaceholderSerial, sameUuid } from './identity.ts';

/** What an agent says that the machine is. */
export type Inspection = {
  readonly macs: readonly MacAddress[];
  readonly uuid: Uuid | undefined;
  readonly serial: string | undefined;
};

/** Burnt-in addresses: those in use change with bonds. */
export function inspectionOf({ nics, system }: Pick<Inventory, 'nics' | 'system'>): Inspection {
  const macs = nics.flatMap(({ mac, permanentMac }) => {
    const read = parseMacAddress(permanentMac ?? mac);
    return read.ok ? [read.value] : [];
  });
  const uuid = system.uuid === undefined ? undefined : parseUuid(system.uuid);
  return { macs: [...new Set(macs)], uuid: uuid?.ok === true ? uuid.value : undefined, serial: system.serial };
}

/**
 * What a person must look at before a machine can be taken for the one that it is called: cards that have moved, a board
 * that was exchanged, a UUID that two have. In words, for the machine's page; nothing is merged or split because of it.
 *
 * `others` are the machines that show any of the same identifiers.
 */
export function conflictsOf(machine: Machine, shown: Inspection, others: readonly Machine[]): readonly string[] {
  const { document, identifiers } = machine;
  const { macs, uuid, serial } = shown;
  const found: string[] = [];
  for (const other of others) {
    const { name } = other.document;
    if (name === document.name) continue;
    const shared = macs.filter((mac) => other.document.macs.includes(mac) || other.identifiers.macs.includes(mac));
    if (shared.length > 0) {
      const next = other.acceptance === 'seen' ? `, which was only seen: ingot machine remove ${name}` : '';
      found.push(`its card ${shared.join(', ')} is ${name}’s too${next}`);
    }
    if (uuid && uuidsOf(other).some((one) => sameUuid(one, uuid))) found.push(`its UUID ${uuid} is ${name}’s too`);
    if (serial !== undefined && !isPlaceholderSerial(serial) && serialsOf(other).some((one) => same(one, serial))) {
      found.push(`its serial ${serial} is ${name}’s too`);
    }
  }
  const gone = document.macs.filter((mac) => !macs.includes(mac));
  if (macs.length > 0 && gone.length > 0) found.push(`its card ${gone.join(', ')} is not in it`);
  // What an operator wrote down is right; else whatever it has ever shown, and of that there is one.
  const uuids = document.uuid ? [document.uuid] : identifiers.uuids.filter((one) => !isPlaceholderUuid(one));
  const otherUuids = uuid && !isPlaceholderUuid(uuid) ? uuids.filter((one) => !sameUuid(one, uuid)) : [];
  if (otherUuids.length > 0) {
    found.push(
      `its UUID was ${otherUuids.join(', ')} and is ${uuid}: another board? ingot edit machine ${document.name}`,
    );
  }
  const serials = document.serial === undefined ? identifiers.serials : [document.serial];
  const otherSerials =
    serial === undefined || isPlaceholderSerial(serial)
      ? []
      : serials.filter((one) => !isPlaceholderSerial(one) && !same(one, serial));
  if (otherSerials.length > 0) {
    found.push(
      `its serial was ${otherSerials.join(', ')} and is ${serial}: another board? ingot edit machine ${document.name}`,
    );
  }
  return found;
}

const uuidsOf = ({ document, identifiers }: Machine): readonly Uuid[] => [
  ...(document.uuid ? [document.uuid] : []),
  ...identifiers.uuids,
];
const serialsOf = ({ document, identifiers }: Machine): readonly string[] => [
  ...(document.serial === undefined ? [] : [document.serial]),
  ...identifiers.serials,
];
const same = (one: string, other: string): boolean => one.trim().toLowerCase() === other.trim().toLowerCase();

/** The agent has been there: since then it is more than a MAC address. */
export const INSPECTED_FACT = 'inspected';
/** What an inspection found against what was known; gone when a later one fits. */
export const DIFFERENCE_FACT = 'inventory.conflict';

/** What classes select by, and lists show, of an inventory. Only what is known: a fact that is absent matches nothing. */
export function factsOf(inventory: Inventory): Readonly<Record<string, string | number | boolean>> {
  const { system, processors, memory, disks, nics, gpus, firmware, secureBoot, tpm, bmc } = inventory;
  const local = disks.filter(({ removable }) => !removable);
  const sum = (values: readonly (number | undefined)[]): number =>
    values.reduce<number>((total, one) => total + (one ?? 0), 0);
  const facts: Readonly<Record<string, string | number | boolean | undefined>> = {
    manufacturer: system.manufacturer,
    product: system.product,
    asset: system.assetTag,
    firmware,
    'secure-boot': secureBoot,
    'tpm.present': tpm?.present,
    'bmc.address': bmc?.address,
    'cpu.model': processors[0]?.model,
    'cpu.count': processors.length === 0 ? undefined : processors.length,
    'cpu.cores': sum(processors.map(({ cores }) => cores)) || undefined,
    'memory.gib': memory && Math.round(memory.totalBytes / 2 ** 30),
    'disk.count': local.length,
    'disk.gb': Math.round(sum(local.map(({ bytes }) => bytes)) / 1e9),
    'nic.count': nics.length,
    'gpu.count': gpus.length,
    ...(inventory.source === 'agent' ? { [INSPECTED_FACT]: true } : {}),
  };
  return Object.fromEntries(
    Object.entries(facts).filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined),
  );
}

/**
 * How a machine stands, in one word: what a list shows. `discovered` was seen, `ready` accepted, and the agent has told
 * what it is made of.
 */
export const STANDINGS = [
  'seen',
  'discovered',
  'accepted',
  'ready',
  'rejected',
  'adopted',
  'maintenance',
  'retired',
] as const;
export type Standing = (typeof STANDINGS)[number];

export function standingOf({
  acceptance,
  service,
  facts,
}: Pick<Machine, 'acceptance' | 'service' | 'facts'>): Standing {
  const isInspected = Object.hasOwn(facts, INSPECTED_FACT);
  switch (acceptance) {
    case 'rejected':
      return 'rejected';
    case 'seen':
      return isInspected ? 'discovered' : 'seen';
    case 'accepted':
      return service === 'none' ? (isInspected ? 'ready' : 'accepted') : service;
    default:
      return acceptance satisfies never;
  }
}
