import type { Inventory, InventoryDisk, InventoryNic, InventorySensor } from '#machines/contract/inventory.ts';
import { inventoryDifferences } from '#machines/decide/inventory-differences.ts';
import { diskSize } from '#machines/values/size.ts';
import { paint, type Terminal } from '../terminal.ts';
import { ago } from '../decide/ago.ts';
import { type Column, pairs, table } from './table.ts';

const GIB = 2 ** 30;

/**
 * What a machine is made of, for a person: its parts in groups, its disks and cards one a line. In band before out of
 * band; where both have told, what they do not agree in.
 */
export function hardwareSheet(term: Terminal, inventories: readonly Inventory[], now: number): readonly string[] {
  const agent = inventories.find(({ source }) => source === 'agent');
  const bmc = inventories.find(({ source }) => source === 'bmc');
  const main = agent ?? bmc;
  if (!main) return [];
  const differences = agent && bmc ? inventoryDifferences(agent, bmc) : [];
  const told = [agent, bmc].flatMap((one) => (one ? `${one.source} ${ago(one.at, now)} ago` : []));
  const title = (text: string): string => paint(term, 'bold', text);
  return [
    title('hardware') + paint(term, 'dim', `  by ${told.join(', ')}`),
    ...pairs(term, parts(main, bmc)),
    ...(main.disks.length > 0 ? ['', title('disks'), ...table(term, diskColumns(main.disks), main.disks)] : []),
    ...(main.nics.length > 0 ? ['', title('network cards'), ...table(term, nicColumns(main.nics), main.nics)] : []),
    ...(differences.length > 0
      ? ['', paint(term, 'yellow', 'agent and BMC do not agree'), ...pairs(term, numbered(differences))]
      : []),
    ...(main.gaps.length > 0
      ? ['', paint(term, 'yellow', 'could not be read'), ...pairs(term, numbered(main.gaps))]
      : []),
  ];
}

const numbered = (lines: readonly string[]): readonly (readonly [string, string])[] =>
  lines.map((line, index) => [String(index + 1), line]);

function parts(inventory: Inventory, bmc: Inventory | undefined): readonly (readonly [string, string | undefined])[] {
  const { system, board, bios, firmware, secureBoot, tpm, gpus, health } = inventory;
  const { manufacturer, product, version, serial, sku, assetTag } = system;
  const watts = inventory.powerWatts ?? bmc?.powerWatts;
  return [
    [
      'system',
      joined([
        words(manufacturer, product, version),
        labelled('serial', serial),
        labelled('SKU', sku),
        labelled('asset', assetTag),
      ]),
    ],
    ['board', board && joined([words(board.manufacturer, board.product), labelled('serial', board.serial)])],
    [
      'firmware',
      joined([
        firmware === undefined ? undefined : firmware.toUpperCase(),
        words(bios?.vendor, bios?.version),
        bios?.date,
        secureBoot === undefined ? undefined : `Secure Boot ${secureBoot ? 'on' : 'off'}`,
        tpm === undefined ? undefined : tpm.present ? `TPM ${tpm.version ?? ''}`.trim() : 'no TPM',
      ]),
    ],
    ...processorLines(inventory),
    ...memoryLines(inventory),
    ['GPUs', joined(counted(gpus))],
    ['BMC', bmcLine(inventory.bmc, bmc?.bmc)],
    ['health', joined([worse(health, bmc?.health), watts === undefined ? undefined : `${Math.round(watts)} W`])],
    ...sensorLines(bmc?.sensors ?? []),
  ];
}

const worse = (one: Inventory['health'], other: Inventory['health']): string | undefined =>
  (['critical', 'warning', 'ok'] as const).find((health) => health === one || health === other);

/** What is wrong by name; of the rest how warm it is, and that the fans turn. */
function sensorLines(sensors: readonly InventorySensor[]): readonly Line[] {
  const shown = ({ name, value, unit, state }: InventorySensor): string =>
    [name, value === undefined ? undefined : `${value} ${unit ?? ''}`.trim(), state].filter(Boolean).join(' ');
  const measured = (kind: InventorySensor['kind']) =>
    sensors.filter((one) => one.kind === kind && (one.value !== undefined || one.state !== undefined));
  const line = (kind: InventorySensor['kind']): string | undefined => {
    const all = measured(kind);
    const more = all.length - MOST_SENSORS;
    return joined([...all.slice(0, MOST_SENSORS).map(shown), more > 0 ? `and ${more} more` : undefined]);
  };
  const unwell = sensors.filter(({ health }) => health === 'warning' || health === 'critical');
  return [
    ['not well', joined(unwell.map((one) => `${one.health}: ${shown(one)}`))],
    ['warmth', line('temperature')],
    ['fans', line('fan')],
    ['supplies', line('supply')],
  ];
}

const MOST_SENSORS = 6;

type Line = readonly [string, string | undefined];

function processorLines({ processors }: Inventory): readonly Line[] {
  const groups = grouped(processors, ({ model, cores, threads, maxMhz }) => [model, cores, threads, maxMhz].join('|'));
  return groups.map(([one, count], index) => {
    const { model, vendor, cores, threads, maxMhz } = one;
    const text = joined([
      `${count} × ${model ?? vendor ?? 'a processor'}`,
      cores === undefined ? undefined : `${cores * count} cores`,
      threads === undefined || threads === cores ? undefined : `${threads * count} threads`,
      maxMhz === undefined ? undefined : `${(maxMhz / 1000).toFixed(1)} GHz`,
    ]);
    return [index === 0 ? 'processors' : '', text];
  });
}

function memoryLines({ memory }: Inventory): readonly Line[] {
  if (!memory) return [];
  const groups = grouped(memory.modules, (one) => [one.bytes, one.type, one.mhz, one.manufacturer].join('|'));
  const modules = groups.map(([{ bytes, type, mhz, manufacturer }, count]) =>
    [`${count} × ${gib(bytes)}`, type, mhz === undefined ? undefined : `${mhz} MHz`, manufacturer]
      .filter(Boolean)
      .join(' '),
  );
  return [['memory', joined([gib(memory.totalBytes), ...modules])]];
}

/** What the machine sees of its BMC, and what the BMC says of itself. */
function bmcLine(seen: Inventory['bmc'], itself: Inventory['bmc']): string | undefined {
  const { address, mac } = seen ?? itself ?? {};
  const { model, version } = itself ?? seen ?? {};
  return joined([address, mac, words(model, version)]);
}

function diskColumns(disks: readonly InventoryDisk[]): readonly Column<InventoryDisk>[] {
  const all: readonly Column<InventoryDisk>[] = [
    { title: 'DISK', of: ({ name, location }) => name ?? location ?? '?' },
    { title: 'SIZE', of: ({ bytes }) => diskSize(bytes) },
    { title: 'KIND', of: kindOf },
    { title: 'SERIAL', of: ({ serial }) => serial ?? 'none' },
    { title: 'MODEL', of: ({ model }) => model },
    { title: 'FIRMWARE', of: ({ firmware }) => firmware },
    {
      title: 'HEALTH',
      of: ({ health, healthText }) => [health, healthText].filter(Boolean).join(': '),
      style: ({ health }) => (health === 'critical' ? 'red' : health === 'warning' ? 'yellow' : undefined),
    },
    { title: 'HOLDS', of: ({ signatures }) => (signatures.length === 0 ? 'nothing known' : signatures.join(' ')) },
  ];
  return withoutEmpty(all, disks);
}

function kindOf({ transport, rotational, removable, readonly }: InventoryDisk): string {
  const medium = rotational === undefined || transport === 'nvme' ? undefined : rotational ? 'HDD' : 'SSD';
  return [transport, medium, removable ? 'removable' : undefined, readonly ? 'read-only' : undefined]
    .filter(Boolean)
    .join(' ');
}

function nicColumns(nics: readonly InventoryNic[]): readonly Column<InventoryNic>[] {
  const all: readonly Column<InventoryNic>[] = [
    { title: 'CARD', of: ({ name, pci }) => name ?? pci ?? '?' },
    { title: 'MAC', of: ({ mac, permanentMac }) => permanentMac ?? mac },
    { title: 'LINK', of: linkOf, style: ({ linkUp }) => (linkUp === false ? 'dim' : undefined) },
    { title: 'DRIVER', of: ({ driver }) => driver },
    { title: 'MODEL', of: ({ vendor, product }) => words(vendor, product) },
    { title: 'NEIGHBOUR', of: neighbourOf },
    { title: 'BOOTED', of: ({ booted }) => (booted === true ? 'from here' : '') },
  ];
  return withoutEmpty(all, nics);
}

function linkOf({ linkUp, speedMbit }: InventoryNic): string {
  if (linkUp === false) return 'down';
  const speed = speedMbit ? (speedMbit >= 1000 ? `${speedMbit / 1000} Gbit/s` : `${speedMbit} Mbit/s`) : '';
  return linkUp === undefined ? speed : ['up', speed].filter(Boolean).join(' ');
}

function neighbourOf({ neighbour }: InventoryNic): string {
  if (!neighbour) return '';
  const { system, chassis, port, portText, vlan } = neighbour;
  return [system ?? chassis, portText ?? port, vlan === undefined ? undefined : `VLAN ${vlan}`]
    .filter(Boolean)
    .join(' ');
}

/** A column in which nobody has anything says nothing. */
const withoutEmpty = <T>(columns: readonly Column<T>[], rows: readonly T[]): readonly Column<T>[] =>
  columns.filter(({ of }) => rows.some((row) => of(row) !== undefined && of(row) !== ''));

const words = (...all: readonly (string | undefined)[]): string | undefined =>
  all.filter(Boolean).join(' ') || undefined;
const labelled = (label: string, value: string | undefined): string | undefined =>
  value === undefined ? undefined : `${label} ${value}`;
const joined = (all: readonly (string | undefined)[]): string | undefined =>
  all.filter(Boolean).join(', ') || undefined;
const gib = (bytes: number): string =>
  bytes >= GIB ? `${Math.round(bytes / GIB)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
const counted = (names: readonly string[]): readonly string[] =>
  grouped(names, (name) => name).map(([name, count]) => (count === 1 ? name : `${count} × ${name}`));

/** Equal ones together, in the order of their first. */
function grouped<T>(all: readonly T[], key: (one: T) => string): readonly (readonly [T, number])[] {
  const groups = new Map<string, [T, number]>();
  for (const one of all) {
    const group = groups.get(key(one));
    if (group) group[1] += 1;
    else groups.set(key(one), [one, 1]);
  }
  return [...groups.values()];
}
