import { EXIT } from '#machines/contract/exit-status.ts';
import type { ReceivedOf } from '#machines/contract/api/route.ts';
import type { Routes } from '#machines/contract/api/routes.ts';
import type { Daemon } from '../daemon.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { type Column, table } from '../output/table.ts';
import { isoTime } from '../output/time.ts';
import { showListOf } from '../output/watched-list.ts';
import { each } from './machine-act.ts';
import { roleOf } from './user.ts';
import { note, say, type Terminal } from '../terminal.ts';

type Key = ReceivedOf<Routes['listTokens']>['items'][number];
type Entry = ReceivedOf<Routes['listAudit']>['items'][number];

/** The secret alone on standard output, so that a script can keep it. */
export async function createToken(
  term: Terminal,
  daemon: Daemon,
  name: string,
  options: { readonly role: string; readonly days?: number; readonly scope?: string; readonly output: Format },
): Promise<void> {
  const role = roleOf(options.role);
  const { days, scope } = options;
  const { value } = await daemon.ask('createToken', {
    body: {
      name,
      role,
      ...(scope === undefined ? {} : { scope }),
      ...(days === undefined ? {} : { days }),
    },
  });
  if (options.output !== 'table') return printDocuments(term, options.output, value);
  note(term, `token ${value.id} for ${name} as ${role}; it is shown this once:`);
  say(term, value.secret);
}

export async function listTokens(
  term: Terminal,
  daemon: Daemon,
  options: { readonly output: Format; readonly watch?: boolean },
): Promise<void> {
  await showListOf<Key>(
    term,
    daemon,
    {
      read: async () => (await daemon.ask('listTokens')).value.items,
      // Who comes in is no change of the site.
      kinds: ['document'],
      everyMs: 5000,
      columns: () => [
        { title: 'ID', of: ({ id }) => id },
        { title: 'KIND', of: ({ kind }) => kind },
        { title: 'NAME', of: ({ name }) => name },
        { title: 'ROLE', of: ({ role }) => role },
        { title: 'SCOPE', of: ({ scope }) => scope ?? 'all machines' },
        { title: 'MADE', of: ({ createdAt }) => isoTime(createdAt) },
        { title: 'UNTIL', of: ({ expiresAt }) => isoTime(expiresAt) ?? 'no end' },
      ],
      nameOf: ({ id }) => id,
      none: ['there is no token', '  next: ingot token create NAME --role operator'],
    },
    options,
  );
}

export const removeTokens = (term: Terminal, daemon: Daemon, ids: readonly string[]): Promise<number> =>
  each(term, ids, async (id) => {
    const answer = await daemon.attempt('removeToken', { params: { id } });
    return 'problem' in answer ? answer : 'removed: void from now on';
  });

/** An address that opens the page once. */
export async function login(term: Terminal, daemon: Daemon, output: Format): Promise<void> {
  const { value } = await daemon.ask('makeCode');
  if (output !== 'table') return printDocuments(term, output, value);
  say(term, value.url);
  note(term, `opens once, until ${isoTime(value.expiresAt) ?? ''}`);
}

export async function showAudit(
  term: Terminal,
  daemon: Daemon,
  { limit, before, output }: { readonly limit: number; readonly before?: string; readonly output: Format },
): Promise<void> {
  const query = { limit, ...(before === undefined ? {} : { before: Number(before) }) };
  const { value } = await daemon.ask('listAudit', { query });
  if (output !== 'table') return printDocuments(term, output, value.items);
  const columns: readonly Column<Entry>[] = [
    { title: 'NUMBER', of: ({ seq }) => String(seq) },
    { title: 'TIME', of: ({ at }) => isoTime(at) },
    { title: 'WHO', of: ({ who }) => who },
    { title: 'DID', of: ({ action }) => action },
    { title: 'TO', of: ({ target }) => target },
    { title: 'DETAIL', of: ({ detail }) => detail },
  ];
  say(term, ...table(term, columns, value.items));
}

/** What is wrong, a line each; the newest hash last, so that it can be kept elsewhere. */
export async function verifyAudit(
  term: Terminal,
  daemon: Daemon,
  head: string | undefined,
  output: Format,
): Promise<number> {
  const { value } = await daemon.ask('verifyAudit', head === undefined ? {} : { query: { head } });
  const isWhole = value.findings.length === 0;
  if (output !== 'table') printDocuments(term, output, value);
  else {
    say(term, ...value.findings.map(({ kind, text }) => `${kind}: ${text}`));
    note(term, isWhole ? `${value.entries} entries, each as it was written; the newest one:` : 'the newest entry:');
    say(term, `${value.head.seq} ${value.head.hash}`);
  }
  return isWhole ? EXIT.done : EXIT.failed;
}
