import type { Plan, PlannedDisk, TalosWork } from '#machines/contract/job.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import { diskSize } from '#machines/values/size.ts';
import { type Column, table } from '../output/table.ts';
import { paint, type Terminal } from '../terminal.ts';

const ACTS: Readonly<Record<PlannedDisk['act'], string>> = {
  wipe: 'ERASE',
  write: 'WRITE',
  keep: 'keep',
  'leave-alone': 'leave alone',
  unreachable: 'CANNOT REACH',
};
const touches = ({ act }: PlannedDisk): boolean => act === 'wipe' || act === 'write';

const COLUMNS: readonly Column<PlannedDisk>[] = [
  {
    title: 'ACT',
    of: ({ act }) => ACTS[act],
    style: (disk) => (touches(disk) ? 'red' : disk.act === 'unreachable' ? 'yellow' : 'dim'),
  },
  { title: 'DISK', of: ({ name }) => name },
  { title: 'SERIAL', of: ({ serial, wwn }) => serial ?? wwn ?? 'none' },
  { title: 'MODEL', of: ({ model }) => model },
  { title: 'SIZE', of: ({ bytes }) => (bytes === 0 ? 'unknown' : diskSize(bytes)) },
  { title: 'ON IT', of: ({ signatures }) => signatures.join(' ') || 'nothing known' },
  { title: 'METHOD', of: ({ method }) => method },
  { title: 'WHY', of: ({ because }) => because },
];

function talosLines({
  cluster,
  role,
  from,
  to,
  kubernetes,
  installer,
  erase,
  graceful,
  keeps,
}: TalosWork): readonly string[] {
  const release = [from, to ?? (erase === undefined && from !== undefined ? 'the one before it' : undefined)]
    .filter((one) => one !== undefined)
    .join(' → ');
  return [
    `  Talos    ${escaped(release)}${kubernetes === undefined ? '' : `, Kubernetes ${escaped(kubernetes)}`}; ${role === 'controlplane' ? 'control plane' : 'worker'} of ${escaped(cluster)}`,
    ...(installer === undefined ? [] : [`  pulls    ${escaped(installer)}`]),
    ...(erase === undefined
      ? []
      : [
          `  ERASES   ${erase === 'disk' ? 'all of its system disk' : 'STATE and EPHEMERAL: its configuration and its data'}${graceful === true ? ', after it has left its cluster' : ''}`,
        ]),
    `  keeps    ${keeps.map(escaped).join('; ')}`,
  ];
}

/** What would be done to one machine, for a person to read before it is. */
export function planLines(term: Terminal, plan: Plan): readonly string[] {
  const { refusals, acknowledge, identifiers } = plan;
  const proof = [...new Set(identifiers.map(({ kind }) => kind))];
  return [
    `${paint(term, 'bold', `${plan.kind} ${escaped(plan.machine)}`)}${plan.image === undefined ? '' : `  image ${plan.image}`}`,
    ...(plan.talos ? talosLines(plan.talos) : []),
    ...(plan.disks.length === 0 ? [] : table(term, COLUMNS, plan.disks).map((line) => `  ${line}`)),
    ...(plan.summary === undefined ? [] : [`  does     ${escaped(plan.summary)}`]),
    `  steps    ${plan.steps.join(' → ')}`,
    `  proven by ${proof.length === 0 ? 'nothing' : proof.join(', ')}, read again before the first byte`,
    ...acknowledge.map(({ what, say }) =>
      paint(term, 'yellow', `  needs --acknowledge ${escaped(say)}: ${escaped(what)}`),
    ),
    ...refusals.flatMap(({ because, next }) => [
      paint(term, 'red', `  refused: ${escaped(because)}`),
      `    next: ${escaped(next)}`,
    ]),
    paint(term, 'dim', `  digest   ${plan.digest}`),
  ];
}
