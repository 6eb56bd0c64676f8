import { machineDocument } from '#machines/contract/documents.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { isPlaceholderSerial } from '#machines/decide/identity.ts';
import { DIFFERENCE_FACT, type Inspection } from '#machines/decide/inspection.ts';
import { isMachineMac, type MacAddress } from '#machines/values/mac-address.ts';
import { isPlaceholderUuid } from '#machines/values/uuid.ts';
import type { Sighting } from './contract.ts';

const MAX_FACTS = 64;
const MAX_TEXT = 255;
/** Enough for a chassis full of NICs; a forged stream of UUIDs for one MAC ends here. */
const MAX_IDENTIFIERS = 32;

/** A machine that nobody has said anything about. */
export function strangerOf({ mac, at }: Sighting, site: string, name: string): Machine {
  return {
    document: machineDocument.parse({
      kind: 'Machine',
      name,
      macs: [mac],
      location: { site },
    }),
    acceptance: 'seen',
    service: 'none',
    locked: false,
    identifiers: { macs: [mac], uuids: [], serials: [] },
    facts: {},
    firstSeen: at,
    lastSeen: at,
    rev: 0,
  };
}

/** The fact that says which machines a sighting could belong to, and why. It goes when a sighting fits again. */
export const CONFLICT_FACT = 'identity.conflict';

/** What is left of a sighting that two machines claim: its UUID and serial are nobody's until a person has looked. */
export function disputed({ mac, facts, source, at }: Sighting, because: string): Sighting {
  return { mac, facts: { ...facts, [CONFLICT_FACT]: because }, source, at };
}

export const undisputed = (machine: Machine): Machine => withoutFact(machine, CONFLICT_FACT);

function withoutFact(machine: Machine, gone: string): Machine {
  if (!Object.hasOwn(machine.facts, gone)) return machine;
  const facts = Object.entries(machine.facts).filter(([name]) => name !== gone);
  return { ...machine, facts: Object.fromEntries(facts) };
}

/** What an agent has found, without what an earlier look found wrong. The same object if nothing is new. */
export function withInspection(
  machine: Machine,
  look: {
    readonly shown: Inspection;
    readonly conflicts: readonly string[];
    /** Is this card another machine's? */
    readonly isOthers: (mac: MacAddress) => boolean;
    readonly facts: Sighting['facts'];
    readonly at: number;
  },
): Machine {
  const { shown, conflicts, isOthers, facts, at } = look;
  const known = conflicts.length > 0 ? machine : withoutFact(machine, DIFFERENCE_FACT);
  const difference = conflicts.length > 0 ? { [DIFFERENCE_FACT]: conflicts.join('; ') } : {};
  const noted = withFacts(known, { facts: { ...facts, ...difference }, source: 'agent', at });
  const { identifiers } = noted;
  const own = shown.macs.filter((mac) => isMachineMac(mac) && !isOthers(mac));
  const macs = own.reduce((list, mac) => joined(list, mac), identifiers.macs);
  const fits = conflicts.length === 0;
  const { uuid, serial } = shown;
  const hasUuid = fits && uuid !== undefined && !isPlaceholderUuid(uuid);
  const hasSerial = fits && serial !== undefined && !isPlaceholderSerial(serial);
  const uuids = hasUuid ? joined(identifiers.uuids, uuid) : identifiers.uuids;
  const serials = hasSerial ? joined(identifiers.serials, serial.slice(0, MAX_TEXT)) : identifiers.serials;
  const same = macs === identifiers.macs && uuids === identifiers.uuids && serials === identifiers.serials;
  return same ? noted : { ...noted, identifiers: { macs, uuids, serials } };
}

/** The machine with what was seen of it. The same object if nothing but the time is new. */
export function withSighting(machine: Machine, sighting: Sighting): Machine {
  const { mac, uuid, serial, facts, source, at } = sighting;
  const { identifiers } = machine;
  const macs = joined(identifiers.macs, mac);
  const uuids = uuid === undefined || isPlaceholderUuid(uuid) ? identifiers.uuids : joined(identifiers.uuids, uuid);
  const serials =
    serial === undefined || isPlaceholderSerial(serial)
      ? identifiers.serials
      : joined(identifiers.serials, serial.slice(0, MAX_TEXT));
  const noted = withFacts(machine, { facts, source, at });
  const same =
    noted === machine && macs === identifiers.macs && uuids === identifiers.uuids && serials === identifiers.serials;
  if (same) return machine;
  return { ...noted, identifiers: { macs, uuids, serials } };
}

/** The same object if no fact is new. */
export function withFacts(machine: Machine, { facts, source, at }: Pick<Sighting, 'facts' | 'source' | 'at'>): Machine {
  const fresh = Object.entries(facts)
    .map(([name, value]) => [name, typeof value === 'string' ? value.slice(0, MAX_TEXT) : value] as const)
    .filter(([name, value]) => valueOf(machine, name) !== value);
  if (fresh.length === 0) return machine;
  const observed = fresh.map(([name, value]) => [name, { value, at, source }] as const);
  return { ...machine, facts: Object.fromEntries([...Object.entries(machine.facts), ...observed].slice(0, MAX_FACTS)) };
}

const valueOf = ({ facts }: Machine, name: string) => (Object.hasOwn(facts, name) ? facts[name]?.value : undefined);

const joined = <T>(list: readonly T[], value: T): readonly T[] =>
  list.includes(value) || list.length >= MAX_IDENTIFIERS ? list : [...list, value];
