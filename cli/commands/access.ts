import { ROLES, type Role } from '#machines/contract/api/role.ts';
import type { ReceivedOf } from '#machines/contract/api/route.ts';
import type { Routes } from '#machines/contract/api/routes.ts';
import type { Daemon } from '../daemon.ts';
import { badInput } from '../failure.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { type Column, table } from '../output/table.ts';
import { isoTime } from '../output/time.ts';
import { each } from './machine-act.ts';
import { note, say, type Terminal } from '../terminal.ts';

type Key = ReceivedOf<Routes['listTokens']>['items'][number];
type Entry = ReceivedOf<Routes['listAudit']>['items'][number];

/** The secret alone on standard output, so that a script can keep it. */
export async function createToken(
  term: Terminal,
  daemon: Daemon,
  name: string,
  options: { readonly role: string; readonly days?: string; readonly output: Format },
): Promise<void> {
  const role = ROLES.find((one): one is Role => one === options.role);
  if (!role) throw badInput(`--role: got ${options.role}, want ${ROLES.join(' | ')}`);
  const days = options.days === undefined ? undefined : Number(options.days);
  const { value } = await daemon.ask('createToken', { body: { name, role, ...(days === undefined ? {} : { days }) } });
  if (options.output !== 'table') return printDocuments(term, options.output, value);
  note(term, `token ${value.id} for ${name} as ${role}; it is shown this once:`);
  say(term, value.secret);
}

export async function listTokens(term: Terminal, daemon: Daemon, output: Format): Promise<void> {
  const { value } = await daemon.ask('listTokens');
  if (output !== 'table') return printDocuments(term, output, value.items);
  const columns: readonly Column<Key>[] = [
    { title: 'ID', of: ({ id }) => id },
    { title: 'KIND', of: ({ kind }) => kind },
    { title: 'NAME', of: ({ name }) => name },
    { title: 'ROLE', of: ({ role }) => role },
    { title: 'MADE', of: ({ createdAt }) => isoTime(createdAt) },
    { title: 'UNTIL', of: ({ expiresAt }) => isoTime(expiresAt) ?? 'no end' },
  ];
  say(term, ...table(term, columns, value.items));
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

export async function showAudit(term: Terminal, daemon: Daemon, limit: string, output: Format): Promise<void> {
  const { value } = await daemon.ask('listAudit', { query: { limit: Number(limit) } });
  if (output !== 'table') return printDocuments(term, output, value.items);
  const columns: readonly Column<Entry>[] = [
    { title: 'TIME', of: ({ at }) => isoTime(at) },
    { title: 'WHO', of: ({ who }) => who },
    { title: 'DID', of: ({ action }) => action },
    { title: 'TO', of: ({ target }) => target },
    { title: 'DETAIL', of: ({ detail }) => detail },
  ];
  say(term, ...table(term, columns, value.items));
}
