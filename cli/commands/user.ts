import { ROLES, type Role } from '#machines/contract/api/role.ts';
import type { ReceivedOf } from '#machines/contract/api/route.ts';
import type { Routes } from '#machines/contract/api/routes.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import { askSecret } from '../ask.ts';
import type { Daemon } from '../daemon.ts';
import { badInput, CommandFailure } from '../failure.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { type Column, table } from '../output/table.ts';
import { isoTime } from '../output/time.ts';
import { say, type Terminal } from '../terminal.ts';
import { each } from './machine-act.ts';

type User = ReceivedOf<Routes['listUsers']>['items'][number];

export async function listUsers(term: Terminal, daemon: Daemon, output: Format): Promise<void> {
  const { value } = await daemon.ask('listUsers');
  if (output !== 'table') return printDocuments(term, output, value.items);
  const columns: readonly Column<User>[] = [
    { title: 'NAME', of: ({ name }) => name },
    { title: 'ROLE', of: ({ role }) => role },
    { title: 'SCOPE', of: ({ scope }) => scope ?? 'all machines' },
    { title: 'BY', of: waysOf },
    { title: 'LAST LOGIN', of: ({ lastLoginAt }) => isoTime(lastLoginAt) ?? 'never' },
  ];
  say(term, ...table(term, columns, value.items));
}

function waysOf({ disabled, hasPassword, certificates, source }: User): string {
  if (disabled) return 'disabled';
  const ways = [
    ...(hasPassword ? ['password'] : []),
    ...(certificates.length > 0 ? ['certificate'] : []),
    ...(source === 'oidc' ? ['oidc'] : []),
  ];
  return ways.join(', ') || 'no way in yet';
}

export type NewUserOptions = {
  readonly role: string;
  readonly scope?: string;
  readonly certificate?: readonly string[];
  readonly passwordStdin?: boolean;
  readonly password?: boolean;
};

export async function createUser(term: Terminal, daemon: Daemon, name: string, options: NewUserOptions): Promise<void> {
  const role = roleOf(options.role);
  const password = options.password === false ? undefined : await newPassword(term, name, options.passwordStdin);
  const { value } = await daemon.ask('createUser', {
    body: {
      name,
      role,
      ...(options.scope === undefined ? {} : { scope: options.scope }),
      ...(password === undefined ? {} : { password }),
      certificates: [...(options.certificate ?? [])],
    },
  });
  say(
    term,
    `user ${value.name} is ${value.role}${value.scope === undefined ? '' : ` of machines with ${value.scope}`}`,
  );
}

/** `current` is asked for only where it is one's own: an admin need not know it. */
export async function setPassword(
  term: Terminal,
  daemon: Daemon,
  name: string,
  { passwordStdin }: { readonly passwordStdin?: boolean },
): Promise<void> {
  const { value: who } = await daemon.ask('whoAmI');
  const current = who.user === name && term.interactive ? await askSecret(term, 'Current password: ') : undefined;
  const password = await newPassword(term, name, passwordStdin);
  await daemon.ask('setPassword', {
    params: { name },
    body: { password, ...(current === undefined ? {} : { current }) },
  });
  say(term, `${name}: password set; sessions of before have ended`);
}

export type UserChanges = {
  readonly role?: string;
  readonly scope?: string;
  readonly allMachines?: boolean;
  readonly certificate?: readonly string[];
  readonly noCertificates?: boolean;
};

export async function changeUser(term: Terminal, daemon: Daemon, name: string, options: UserChanges): Promise<void> {
  if (options.scope !== undefined && options.allMachines === true)
    throw badInput('--scope and --all-machines: want one');
  const body = {
    ...(options.role === undefined ? {} : { role: roleOf(options.role) }),
    ...(options.scope === undefined ? {} : { scope: options.scope }),
    ...(options.allMachines === true ? { scope: null } : {}),
    ...(options.certificate === undefined ? {} : { certificates: [...options.certificate] }),
    ...(options.noCertificates === true ? { certificates: [] } : {}),
  };
  if (Object.keys(body).length === 0) {
    throw badInput('nothing to change: want --role, --scope, --all-machines, --certificate or --no-certificates');
  }
  const { value } = await daemon.ask('patchUser', { params: { name }, body });
  say(
    term,
    `user ${value.name} is ${value.role}${value.scope === undefined ? '' : ` of machines with ${value.scope}`}`,
  );
}

export const setDisabled = (
  term: Terminal,
  daemon: Daemon,
  names: readonly string[],
  disabled: boolean,
): Promise<number> =>
  each(term, names, async (name) => {
    const answer = await daemon.attempt('patchUser', { params: { name }, body: { disabled } });
    if ('problem' in answer) return answer;
    return disabled ? 'disabled: sessions and tokens have ended' : 'may log in again';
  });

export const removeUsers = (term: Terminal, daemon: Daemon, names: readonly string[]): Promise<number> =>
  each(term, names, async (name) => {
    const answer = await daemon.attempt('removeUser', { params: { name } });
    return 'problem' in answer ? answer : 'removed: sessions and tokens have ended';
  });

export function roleOf(text: string): Role {
  const role = ROLES.find((one) => one === text);
  if (!role) throw badInput(`--role: got ${text}, want ${ROLES.join(' | ')}`);
  return role;
}

/** Typed twice, so that a slip of the finger locks nobody out. */
async function newPassword(term: Terminal, name: string, fromInput: boolean | undefined): Promise<string> {
  if (fromInput === true || !term.interactive) {
    const text = (await term.readInput()).replace(/\r?\n$/, '');
    if (text === '') throw badInput('no password came on standard input');
    return text;
  }
  const one = await askSecret(term, `New password of ${name}: `);
  const again = await askSecret(term, 'Once more: ');
  if (one !== again) throw new CommandFailure(EXIT.badInput, 'those are two different passwords; nothing was done');
  return one;
}
