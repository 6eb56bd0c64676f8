import type { ApprovalResource } from '#machines/contract/api/approval-routes.ts';
import type { ApprovedKind } from '#machines/contract/approval.ts';
import type { Daemon } from '../daemon.ts';
import { badInput } from '../failure.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { type Column, table } from '../output/table.ts';
import { isoTime } from '../output/time.ts';
import { note, say, type Terminal } from '../terminal.ts';

export type ApprovalOptions = {
  readonly output: Format;
  readonly profile: string;
  readonly class?: string;
  readonly selector?: string;
  readonly machines: number;
  readonly days: number;
  readonly kind: readonly ApprovedKind[];
  readonly reason?: string;
};

export async function addApproval(
  term: Terminal,
  daemon: Daemon,
  { profile, class: ofClass, selector, machines, days, kind, reason, output }: ApprovalOptions,
): Promise<void> {
  if (ofClass === undefined && selector === undefined) throw badInput('want --class, or labels (-l rack=r1)');
  const { value } = await daemon.ask('createApproval', {
    body: {
      profile,
      machines,
      days,
      ...(kind.length === 0 ? {} : { kinds: [...kind] }),
      ...(ofClass === undefined ? {} : { class: ofClass }),
      ...(selector === undefined ? {} : { label: selector }),
      ...(reason === undefined ? {} : { reason }),
    },
  });
  if (output !== 'table') return printDocuments(term, output, value);
  const [first] = value.kinds;
  say(
    term,
    `${value.id}: ${value.kinds.join(' and ')} of ${profile}, ${whichText(value)}, until ${isoTime(value.until)}`,
  );
  note(term, `  ingot ${first} MACHINE… --approval ${value.id}`, `  ingot approval end ${value.id}`);
}

export async function listApprovals(
  term: Terminal,
  daemon: Daemon,
  { output }: { readonly output: Format },
): Promise<void> {
  const { value } = await daemon.ask('listApprovals');
  if (output !== 'table') return printDocuments(term, output, value.items);
  if (value.items.length > 0) return say(term, ...table(term, COLUMNS, value.items));
  note(term, 'nothing is approved beforehand', '  next: ingot approval add --help');
}

export async function endApprovals(term: Terminal, daemon: Daemon, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const { value } = await daemon.ask('endApproval', { params: { id } });
    say(term, `${id}: ${value.ended?.because ?? value.state}`);
  }
}

const whichText = ({ class: ofClass, label, machines }: ApprovalResource): string =>
  `on ${machines} blank ${machines === 1 ? 'machine' : 'machines'} (${[ofClass && `class ${ofClass}`, label].filter(Boolean).join(', ')})`;

const COLUMNS: readonly Column<ApprovalResource>[] = [
  { title: 'ID', of: ({ id }) => id },
  { title: 'STATE', of: ({ state }) => state, style: ({ state }) => (state === 'open' ? 'green' : 'dim') },
  { title: 'LEFT', of: ({ left, machines }) => `${left} of ${machines}` },
  { title: 'KINDS', of: ({ kinds }) => kinds.join(' ') },
  { title: 'PROFILE', of: ({ profile }) => profile },
  { title: 'CLASS', of: ({ class: ofClass }) => ofClass },
  { title: 'LABELS', of: ({ label }) => label },
  { title: 'UNTIL', of: ({ until }) => isoTime(until) },
  { title: 'BY', of: ({ by }) => by },
  { title: 'REASON', of: ({ reason }) => reason },
];
