import type { Machine } from '#machines/contract/machine.ts';
import { type Identified, type Identifiers, identify, isPlaceholderSerial } from '#machines/decide/identity.ts';
import type { Inspection } from '#machines/decide/inspection.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import { isPlaceholderUuid, type Uuid, uuidByteSwapped } from '#machines/values/uuid.ts';

/** Machines in memory, found by whatever a packet shows of them. */
export function machineIndex() {
  const byName = new Map<string, Machine>();
  const byMac = new Map<MacAddress, string>();
  const byAddress = new Map<IpAddress, string>();
  const byUuid = new Map<Uuid, Set<string>>();
  const bySerial = new Map<string, Set<string>>();
  let all: readonly Machine[] | undefined;

  function remove(name: string): void {
    const machine = byName.get(name);
    if (!machine) return;
    byName.delete(name);
    all = undefined;
    for (const mac of macsOf(machine)) if (byMac.get(mac) === name) byMac.delete(mac);
    const { address } = machine.document;
    if (address !== undefined && byAddress.get(address) === name) byAddress.delete(address);
    for (const uuid of uuidsOf(machine)) drop(byUuid, uuid, name);
    for (const serial of serialsOf(machine)) drop(bySerial, serial, name);
  }

  return {
    set(machine: Machine): void {
      const { name, address } = machine.document;
      remove(name);
      all = undefined;
      byName.set(name, machine);
      // A MAC in a document goes before one that was only seen elsewhere.
      for (const mac of machine.identifiers.macs) if (!byMac.has(mac)) byMac.set(mac, name);
      for (const mac of machine.document.macs) byMac.set(mac, name);
      if (address !== undefined) byAddress.set(address, name);
      for (const uuid of uuidsOf(machine)) add(byUuid, uuid, name);
      for (const serial of serialsOf(machine)) add(bySerial, serial, name);
    },
    remove,
    get: (name: string) => byName.get(name),
    all: (): readonly Machine[] => (all ??= [...byName.values()]),
    ofMac: (mac: MacAddress) => byName.get(byMac.get(mac) ?? ''),
    ofAddress: (address: IpAddress) => byName.get(byAddress.get(address) ?? ''),
    /** Only where exactly one machine has it. */
    ofIdentifier({ uuid, serial }: { readonly uuid?: Uuid; readonly serial?: string }): Machine | undefined {
      const names = new Set([
        ...(uuid === undefined || isPlaceholderUuid(uuid)
          ? []
          : [...(byUuid.get(uuid) ?? []), ...(byUuid.get(uuidByteSwapped(uuid)) ?? [])]),
        ...(serial === undefined || isPlaceholderSerial(serial) ? [] : (bySerial.get(indexed(serial)) ?? [])),
      ]);
      return names.size === 1 ? byName.get([...names][0] as string) : undefined;
    },
    /** All that show any of it. */
    sharing({ macs, uuid, serial }: Inspection): readonly Machine[] {
      const names = new Set([
        ...macs.map((mac) => byMac.get(mac) ?? ''),
        ...(uuid === undefined || isPlaceholderUuid(uuid)
          ? []
          : [...(byUuid.get(uuid) ?? []), ...(byUuid.get(uuidByteSwapped(uuid)) ?? [])]),
        ...(serial === undefined || isPlaceholderSerial(serial) ? [] : (bySerial.get(indexed(serial)) ?? [])),
      ]);
      return [...names].flatMap((name) => byName.get(name) ?? []);
    },
    /** To which machine a sighting belongs, of all that have any of what it shows. */
    identify(shown: Identifiers): Identified {
      const { mac, uuid, serial } = shown;
      const names = new Set([
        ...(mac === undefined ? [] : [byMac.get(mac) ?? '']),
        ...(uuid === undefined ? [] : (byUuid.get(uuid) ?? [])),
        ...(uuid === undefined ? [] : (byUuid.get(uuidByteSwapped(uuid)) ?? [])),
        ...(serial === undefined ? [] : (bySerial.get(indexed(serial)) ?? [])),
      ]);
      return identify(
        shown,
        [...names].flatMap((name) => byName.get(name) ?? []),
      );
    },
  };
}

const macsOf = ({ document, identifiers }: Machine): readonly MacAddress[] => [...document.macs, ...identifiers.macs];
const uuidsOf = ({ document, identifiers }: Machine): readonly Uuid[] =>
  [...(document.uuid ? [document.uuid] : []), ...identifiers.uuids].filter((uuid) => !isPlaceholderUuid(uuid));
const serialsOf = ({ document, identifiers }: Machine): readonly string[] =>
  [...(document.serial ? [document.serial] : []), ...identifiers.serials]
    .filter((serial) => !isPlaceholderSerial(serial))
    .map(indexed);
const indexed = (serial: string): string => serial.trim().toLowerCase();

function add<K>(index: Map<K, Set<string>>, key: K, name: string): void {
  const names = index.get(key);
  if (names) names.add(name);
  else index.set(key, new Set([name]));
}

function drop<K>(index: Map<K, Set<string>>, key: K, name: string): void {
  const names = index.get(key);
  names?.delete(name);
  if (names?.size === 0) index.delete(key);
}
