import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { DIFFERENCE_FACT } from '#machines/decide/inspection.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import type { VerdictCode } from '#machines/contract/trace.ts';
import type { Daemon } from '../daemon.ts';
import { listMachines, nameOf, queryOf, type Selection } from '../machine-names.ts';
import { bmcLines, machineBmc } from './bmc.ts';
import { ago } from '../decide/ago.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { hardwareSheet } from '../output/hardware-sheet.ts';
import { type Column, pairs } from '../output/table.ts';
import { showListOf } from '../output/watched-list.ts';
import { paint, say, type Terminal } from '../terminal.ts';
import { isoTime } from '../output/time.ts';

export type ListOptions = Selection & {
  readonly output: Format;
  readonly search?: string;
  readonly acceptance?: 'seen' | 'accepted' | 'rejected';
  readonly watch?: boolean;
};

export async function showList(term: Terminal, daemon: Daemon, options: ListOptions): Promise<void> {
  const { search, acceptance } = options;
  const query = {
    ...queryOf(options),
    ...(search === undefined ? {} : { search }),
    ...(acceptance === undefined ? {} : { acceptance }),
  };
  await showListOf(
    term,
    daemon,
    {
      read: () => listMachines(daemon, query),
      kinds: ['machine', 'attempt'],
      columns: machineColumns,
      nameOf: ({ name }) => name,
      none: [
        'no machine matches',
        '  next: power one on with network boot, or write one down: ingot machine add NAME --mac MAC',
      ],
    },
    options,
  );
}

const text = (machine: MachineResource, fact: string): string | undefined =>
  Object.hasOwn(machine.status.facts, fact) ? String(machine.status.facts[fact]?.value) : undefined;

export const standing = ({ status }: MachineResource): string =>
  [status.standing, status.locked ? 'locked' : ''].filter(Boolean).join(', ');

/** What a person must look at: two machines may be one, or one may be two. */
const CONFLICTS: readonly string[] = ['identity.conflict', DIFFERENCE_FACT];

/** Green runs, blue boots, red wants to be looked at. */
export function verdictStyle(code: VerdictCode | undefined): 'green' | 'blue' | 'yellow' | 'red' | undefined {
  switch (code) {
    case undefined:
      return undefined;
    case 'booted':
      return 'green';
    case 'in-progress':
      return 'blue';
    case 'not-accepted':
      return 'yellow';
    default:
      return 'red';
  }
}

function machineColumns(now: number): readonly Column<MachineResource>[] {
  return [
    { title: 'NAME', of: ({ name }) => name },
    { title: 'STANDING', of: standing, style: ({ status }) => (status.acceptance === 'seen' ? 'yellow' : undefined) },
    { title: 'ARCH', of: (machine) => text(machine, 'arch') },
    { title: 'ADDRESS', of: ({ address, status }) => status.attempt?.address ?? address },
    { title: 'STAGE', of: ({ status }) => status.attempt?.stage },
    {
      title: 'VERDICT',
      of: ({ status }) => status.attempt?.verdict.code,
      style: ({ status }) => verdictStyle(status.attempt?.verdict.code),
    },
    { title: 'SEEN', of: ({ status }) => ago(status.lastSeen, now), ages: true },
    {
      title: 'MODEL',
      of: (machine) => [text(machine, 'manufacturer'), text(machine, 'product')].filter(Boolean).join(' '),
    },
  ];
}

export async function showMachine(term: Terminal, daemon: Daemon, word: string, output: Format): Promise<void> {
  const name = await nameOf(daemon, word);
  const { value: machine } = await daemon.ask('getMachine', { params: { name } });
  const { items: inventories } = (await daemon.ask('getInventory', { params: { name } })).value;
  if (output !== 'table') return printDocuments(term, output, { ...machine, inventories });
  const { status } = machine;
  const { location, labels } = machine;
  const place = [
    location.rack && `rack ${location.rack}`,
    location.unit && `unit ${location.unit}`,
    `site ${location.site}`,
  ];
  say(term, paint(term, 'bold', machine.name));
  say(
    term,
    ...pairs(term, [
      ['standing', standing(machine)],
      ['MACs', [...new Set([...machine.macs, ...status.identifiers.macs])].join(' ')],
      ['UUID', machine.uuid ?? status.identifiers.uuids[0]],
      ['serial', machine.serial ?? status.identifiers.serials[0]],
      ['address', machine.address],
      ['where', place.filter(Boolean).join(', ')],
      ['profile', machine.profile],
      [
        'labels',
        Object.entries(labels)
          .map(([key, value]) => `${key}=${value}`)
          .join(' '),
      ],
      ['first seen', isoTime(status.firstSeen)],
      ['last seen', isoTime(status.lastSeen)],
      ['applied from', status.appliedFrom],
      ['may', status.actions.join(', ')],
    ]),
  );
  for (const conflict of CONFLICTS) {
    const found = text(machine, conflict);
    if (found !== undefined) say(term, paint(term, 'red', `look at it: ${escaped(found)}`));
  }
  const sheet = hardwareSheet(term, inventories, Date.now());
  if (sheet.length > 0) say(term, '', ...sheet);
  else say(term, '', paint(term, 'dim', `what it is made of is not known: ingot inspect ${machine.name}`));
  if (machine.bmc) say(term, '', paint(term, 'bold', 'power'), ...bmcLines(term, await machineBmc(daemon, name)));
  // What an inventory gave stands in the sheet.
  const facts = Object.entries(status.facts)
    .filter(([key, { source }]) => !CONFLICTS.includes(key) && (sheet.length === 0 || source !== 'agent'))
    .map(([key, { value, source }]) => [key, `${value}  (${source})`] as const);
  if (facts.length > 0) say(term, '', paint(term, 'bold', 'facts'), ...pairs(term, facts));
  if (!status.attempt) return;
  const { verdict, startedAt, stage } = status.attempt;
  say(
    term,
    '',
    paint(term, 'bold', 'newest boot'),
    ...pairs(term, [
      ['began', isoTime(startedAt)],
      ['stage', stage],
      ['verdict', verdict.code],
      ['cause', verdict.cause],
      ['next', verdict.next],
    ]),
    '',
    `all of it: ingot trace ${machine.name}`,
  );
}
