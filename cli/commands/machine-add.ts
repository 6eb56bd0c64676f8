import type { z } from 'zod';
import { machineDocument } from '#machines/contract/documents.ts';
import { issueText } from '#services/yaml/issue-text.ts';
import type { Daemon } from '../daemon.ts';
import { badInput } from '../failure.ts';
import { say, type Terminal } from '../terminal.ts';

export type AddOptions = {
  readonly mac: readonly string[];
  readonly profile?: string;
  readonly address?: string;
  readonly serial?: string;
  readonly uuid?: string;
  readonly site?: string;
  readonly rack?: string;
  readonly unit?: string;
  readonly label: readonly string[];
};

/** Writes one machine down. What an operator adds is accepted; there must be none of that name. */
export async function addMachine(term: Terminal, daemon: Daemon, name: string, options: AddOptions): Promise<void> {
  const { mac: macs, profile, address, serial, uuid } = options;
  const unit = options.unit === undefined ? undefined : Number(options.unit);
  const read = machineDocument.safeParse({
    kind: 'Machine',
    name,
    labels: Object.fromEntries(options.label.map(labelOf)),
    macs,
    ...defined({ profile, address, serial, uuid }),
    location: defined({
      site: options.site,
      rack: options.rack,
      unit,
    }),
  });
  if (!read.success)
    throw badInput(
      ...read.error.issues.map(
        (issue) => `${optionOf(issue)}: ${issueText(issue, typed(issue, { ...options, name }))}`,
      ),
    );
  const { value } = await daemon.ask('putMachine', { params: { name }, body: read.data, expected: 0 }, name);
  say(
    term,
    `${value.name} added and accepted${value.profile === undefined ? '; it has no profile, so it boots its own disk' : ''}`,
  );
}

const defined = (record: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));

function labelOf(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw badInput(`--label: got ${text}, want KEY=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** What was typed for a field, which is not what a number became of it. */
const typed = ({ path }: z.core.$ZodIssue, options: Readonly<Record<string, unknown>>): unknown =>
  options[String(path[0] === 'location' ? path[1] : path[0])];

/** The option that a field came from: `macs[1]` is `--mac`. */
function optionOf({ path }: z.core.$ZodIssue): string {
  const field = path[0] === 'location' ? path[1] : path[0];
  if (field === 'name') return 'NAME';
  return field === 'macs' ? '--mac' : field === 'labels' ? '--label' : `--${String(field)}`;
}
