import type { Inventory, InventoryDisk } from '../../contract/inventory.ts';
import type { Plan, PlannedDisk } from '../../contract/job.ts';
import { isMachineMac, parseMacAddress } from '../../values/mac-address.ts';
import { isPlaceholderUuid, parseUuid, uuidByteSwapped } from '../../values/uuid.ts';
import { isPlaceholderSerial } from '../identity.ts';
import { NOT_ASKED_FOR, whyLeftAlone } from './disk-eligibility.ts';

type Identifier = Plan['identifiers'][number];

/** What tells this machine from all others, placeholders left out (safety rule 1). */
export function identifiersOf(inventory: Inventory): Identifier[] {
  const { uuid, serial } = inventory.system;
  const parsed = uuid === undefined ? undefined : parseUuid(uuid);
  return [
    ...(parsed?.ok && !isPlaceholderUuid(parsed.value) ? [{ kind: 'uuid', value: parsed.value }] : []),
    ...(serial !== undefined && !isPlaceholderSerial(serial) ? [{ kind: 'serial', value: serial }] : []),
    ...inventory.nics.flatMap(({ mac, permanentMac }) => {
      const result = parseMacAddress(permanentMac ?? mac);
      return result.ok && isMachineMac(result.value) ? [{ kind: 'mac', value: result.value }] : [];
    }),
    ...inventory.disks.flatMap(({ serial: of, removable }) =>
      of === undefined || removable || isPlaceholderSerial(of) ? [] : [{ kind: 'disk', value: of }],
    ),
  ];
}

export type Proof =
  | { readonly kind: 'proven'; readonly by: readonly string[] }
  | { readonly kind: 'refused'; readonly because: string };

/**
 * Is the machine that answers now the one that the plan was made for? Two identifiers of different kinds must agree and
 * none contradict: a UUID or serial that is another contradicts; NICs and disks may have come and gone, but not all of
 * a kind. `single` says that the operator acknowledged a machine which has one kind only.
 */
export function proveMachine(planned: readonly Identifier[], now: Inventory, single: boolean): Proof {
  const found = identifiersOf(now);
  const agreeing = new Set<string>();
  for (const kind of new Set(planned.map((one) => one.kind))) {
    const wanted = planned.filter((one) => one.kind === kind).map(({ value }) => value);
    const got = found.filter((one) => one.kind === kind).map(({ value }) => value);
    if (got.length === 0) continue;
    if (wanted.some((value) => got.some((other) => sameIdentifier(kind, value, other)))) agreeing.add(kind);
    else
      return {
        kind: 'refused',
        because: `another machine answers: ${kind} ${got.join(', ')}, planned was ${wanted.join(', ')}`,
      };
  }
  if (agreeing.size >= 2 || (single && agreeing.size === 1)) return { kind: 'proven', by: [...agreeing] };
  const by = agreeing.size === 0 ? 'nothing' : `only ${[...agreeing].join()}`;
  return { kind: 'refused', because: `the machine is not proven: ${by} agrees, two kinds of identifiers must` };
}

function sameIdentifier(kind: string, one: string, other: string): boolean {
  if (one === other) return true;
  if (kind !== 'uuid') return false;
  const parsed = parseUuid(one);
  return parsed.ok && uuidByteSwapped(parsed.value) === other;
}

/**
 * The disks that the plan wipes or writes, as the machine shows them now, or the first difference, which voids the
 * confirmation: one is gone, is there twice, has another size, or shows signatures that the plan does not know. Disks that
 * are kept or left alone may have come, gone and changed. Only where all disks are erased, none left out by name, one that
 * could be erased and is not in the plan is a difference, too.
 */
export function matchDisks(
  plan: Pick<Plan, 'kind' | 'disks'>,
  now: Inventory,
  /** Disks, by serial, WWN or else name, that the job itself has begun to write: it knows what is on them. */
  begun: ReadonlySet<string> = new Set(),
):
  | {
      readonly kind: 'match';
      readonly disks: readonly { readonly planned: PlannedDisk; readonly found: InventoryDisk }[];
    }
  | { readonly kind: 'different'; readonly because: string } {
  const matched: { planned: PlannedDisk; found: InventoryDisk }[] = [];
  for (const planned of plan.disks) {
    const touched = planned.act === 'wipe' || planned.act === 'write';
    const candidates = now.disks.filter((disk) => isSameDisk(planned, disk));
    const [found] = candidates;
    if (!found) {
      if (touched) return { kind: 'different', because: `${nameOf(planned)} is not there any more` };
      continue;
    }
    if (!touched) continue;
    if (candidates.length > 1)
      return { kind: 'different', because: `${candidates.length} disks answer to ${nameOf(planned)}` };
    if (found.bytes !== planned.bytes) {
      return { kind: 'different', because: `${nameOf(planned)} had ${planned.bytes} bytes, now ${found.bytes}` };
    }
    const fresh = found.signatures.filter((one) => !planned.signatures.includes(one));
    if (fresh.length > 0 && !begun.has(planned.serial ?? planned.wwn ?? planned.name)) {
      return {
        kind: 'different',
        because: `${nameOf(planned)} shows ${fresh.join(', ')}, which the plan does not know`,
      };
    }
    matched.push({ planned, found });
  }
  const stranger = erasesAll(plan) ? now.disks.find((disk) => isStranger(plan, disk)) : undefined;
  if (stranger) {
    const name = `disk ${stranger.name ?? ''} (${stranger.serial ?? stranger.wwn ?? 'no serial'})`;
    return { kind: 'different', because: `${name} is there too, which the plan does not know` };
  }
  return { kind: 'match', disks: matched };
}

const erasesAll = ({ kind, disks }: Pick<Plan, 'kind' | 'disks'>): boolean =>
  (kind === 'wipe' || kind === 'reset' || kind === 'retire' || kind === 'reprovision') &&
  !disks.some(({ because }) => because === NOT_ASKED_FOR);

const isStranger = ({ disks }: Pick<Plan, 'disks'>, disk: InventoryDisk): boolean =>
  whyLeftAlone(disk, new Set()) === undefined && !disks.some((planned) => isSameDisk(planned, disk));

const nameOf = ({ name, serial, wwn }: PlannedDisk): string => `disk ${name} (${serial ?? wwn ?? 'no serial'})`;

function isSameDisk(planned: PlannedDisk, disk: InventoryDisk): boolean {
  if (planned.serial !== undefined || planned.wwn !== undefined) {
    return planned.serial === disk.serial && planned.wwn === disk.wwn;
  }
  // Named by path, model and size, as was acknowledged.
  return (
    disk.serial === undefined && disk.wwn === undefined && planned.name === disk.name && planned.model === disk.model
  );
}

/** What a person has to acknowledge, by name, of a machine that only one kind of identifier tells from others (rule 1). */
export const acknowledgeSingle = (
  name: string,
  identifiers: readonly Identifier[],
): readonly { readonly what: string; readonly say: string }[] =>
  new Set(identifiers.map(({ kind }) => kind)).size < 2
    ? [{ what: `${name} has one kind of identifier only: another board could not be told from it`, say: name }]
    : [];
