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
  /** Two machines claim it. Shown to a person, never merged. */
  | { readonly kind: 'conflict'; readonly names: readonly string[]; readonly because: string };

/** What boards say whose vendor never set a serial number, from dmidecode listings of many vendors; compared in lower case. */
const PLACEHOLDER_SERIALS = new Set([
  '',
  '0',
  '00000000',
  '0123456789',
  '123456789',
  'default string',
  'empty',
  'n/a',
  'na',
  'none',
  'not applicable',
  'not specified',
  'not available',
  'system serial number',
  'to be filled by o.e.m.',
  'unknown',
  'xxxxxxxxxx',
]);

export const isPlaceholderSerial = (serial: string): boolean =>
  PLACEHOLDER_SERIALS.has(serial.trim().toLowerCase()) || /^(.)\1*$/.test(serial.trim());

/**
 * To which machine does this belong? A MAC that a machine has decides, since NICs are told apart by nothing else. Without
 * one, a UUID or serial counts only where an operator wrote it down: boards with the same UUID exist, and two of them
 * must not become one machine.
 */
export function identify(shown: Identifiers, machines: Iterable<Machine>): Identified {
  const found = new Map<string, string[]>();
  const note = (name: string, by: string): void => void found.set(name, [...(found.get(name) ?? []), by]);
  let byMac: string | undefined;
  for (const { document, identifiers } of machines) {
    const { name } = document;
    if (shown.mac && isMachineMac(shown.mac) && [...document.macs, ...identifiers.macs].includes(shown.mac)) {
      byMac = name;
      note(name, `MAC ${shown.mac}`);
    }
    if (document.uuid && shown.uuid && sameUuid(document.uuid, shown.uuid)) note(name, `UUID ${document.uuid}`);
    if (document.serial && shown.serial === document.serial && !isPlaceholderSerial(document.serial)) {
      note(name, `serial ${document.serial}`);
    }
  }
  const names = [...found.keys()];
  if (names.length === 0) return { kind: 'new' };
  if (names.length > 1) {
    const because = [...found].map(([name, by]) => `${by.join(' and ')} is ${name}'s`).join(', but ');
    return { kind: 'conflict', names: byMac ? [byMac, ...names.filter((name) => name !== byMac)] : names, because };
  }
  return { kind: 'match', name: names[0] as string, by: found.get(names[0] as string) ?? [] };
}

export const sameUuid = (one: Uuid, other: Uuid): boolean =>
  !isPlaceholderUuid(one) && (one === other || one === uuidByteSwapped(other));
