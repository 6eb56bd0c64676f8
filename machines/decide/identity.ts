import type { Machine } from '../contract/machine.ts';
import { isMachineMac, type MacAddress } from '../values/mac-address.ts';
import { isPlaceholderUuid, type Uuid, uuidByteSwapped } from '../values/uuid.ts';

/** What somebody shows of itself. */
export type Identifiers = {
  readonly mac?: MacAddress | undefined;
  readonly uuid?: Uuid | undefined;
  readonly serial?: string | undefined;
};

export type Identified =
  | { readonly kind: 'match'; readonly name: string; readonly by: readonly string[] }
  | { readonly kind: 'new' }
  /** Two machines claim it, or one does and contradicts itself. Shown to a person, never merged. */
  | { readonly kind: 'conflict'; readonly names: readonly string[]; readonly because: string };

/** What boards say whose vendor never set a serial number, from dmidecode listings of many vendors; compared in lower case. */
const PLACEHOLDER_SERIALS = new Set([
  '',
  '0',
  '00000000',
  '0123456789',
  '0123456789abcdef',
  '123456789',
  '1234567890',
  'base board serial number',
  'chassis serial number',
  'default string',
  'empty',
  'n/a',
  'na',
  'none',
  'not applicable',
  'not specified',
  'not available',
  'not set',
  'system serial number',
  'tbd',
  'to be filled by o.e.m',
  'to be filled by o.e.m.',
  'unknown',
  'xxxxxxxxxx',
]);

export const isPlaceholderSerial = (serial: string): boolean =>
  PLACEHOLDER_SERIALS.has(serial.trim().toLowerCase()) || /^(.)\1*$/.test(serial.trim());

/**
 * To which machine does this belong? A MAC that a machine has decides, since NICs are told apart by nothing else. Without
 * one, a UUID or serial counts only where an operator wrote it down: boards with the same UUID exist, and two of them
 * must not become one machine. In a conflict who has the MAC stands first, then who has more.
 *
 * `machines` are those that have any of the identifiers; others are not looked for.
 */
export function identify(shown: Identifiers, machines: Iterable<Machine>): Identified {
  const found: { name: string; by: readonly string[]; against: readonly string[]; score: number }[] = [];
  for (const machine of machines) {
    const { name } = machine.document;
    const byMac = hasMac(machine, shown.mac) ? [`MAC ${shown.mac}`] : [];
    const { agreeing, contradicting } = declared(shown, machine);
    const by = [...byMac, ...agreeing];
    if (by.length > 0) found.push({ name, by, against: contradicting, score: by.length + (byMac.length > 0 ? 4 : 0) });
  }
  found.sort((a, b) => b.score - a.score || a.name.localeCompare(b.name));
  const [first, ...others] = found;
  if (!first) return { kind: 'new' };
  if (others.length === 0 && first.against.length === 0) return { kind: 'match', name: first.name, by: first.by };
  const because = [
    ...found.map(({ name, by }) => `${by.join(' and ')} is ${name}'s`),
    ...(others.length === 0 ? first.against : []),
  ].join(', but ');
  return { kind: 'conflict', names: found.map(({ name }) => name), because };
}

const hasMac = ({ document, identifiers }: Machine, mac: MacAddress | undefined): boolean =>
  mac !== undefined && isMachineMac(mac) && (document.macs.includes(mac) || identifiers.macs.includes(mac));

/** What an operator wrote down, against what is shown. What either side does not know says nothing. */
function declared(shown: Identifiers, { document: { uuid, serial } }: Machine) {
  const agreeing: string[] = [];
  const contradicting: string[] = [];
  if (uuid && shown.uuid && !isPlaceholderUuid(uuid) && !isPlaceholderUuid(shown.uuid)) {
    if (sameUuid(uuid, shown.uuid)) agreeing.push(`UUID ${uuid}`);
    else contradicting.push(`its UUID is ${uuid}, not ${shown.uuid}`);
  }
  if (serial && shown.serial && !isPlaceholderSerial(serial) && !isPlaceholderSerial(shown.serial)) {
    if (sameSerial(serial, shown.serial)) agreeing.push(`serial ${serial}`);
    else contradicting.push(`its serial is ${serial}, not ${shown.serial}`);
  }
  return { agreeing, contradicting };
}

export const sameUuid = (one: Uuid, other: Uuid): boolean =>
  !isPlaceholderUuid(one) && (one === other || one === uuidByteSwapped(other));

/** People copy serials from labels and lists. */
const sameSerial = (one: string, other: string): boolean => one.trim().toLowerCase() === other.trim().toLowerCase();
