import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { holds } from '#machines/contract/api/selector.ts';
import type { ReceivedOf } from '#machines/contract/api/route.ts';
import type { Routes } from '#machines/contract/api/routes.ts';
import { SEALED } from '#machines/contract/credential.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import { askSecret } from '../ask.ts';
import type { Daemon } from '../daemon.ts';
import { badInput, CommandFailure } from '../failure.ts';
import { printDocuments } from '../output/format.ts';
import { table } from '../output/table.ts';
import { isoTime } from '../output/time.ts';
import { note, say, type Terminal } from '../terminal.ts';
import { codeOf } from '../where.ts';
import type { WithOutput } from './bmc.ts';
import { type GetOptions, termsOf } from './get.ts';

type Info = ReceivedOf<Routes['listCredentials']>['items'][number];

/** `get credentials`: as a file would say them, where `***` is the sealed secret that stays. */
export async function getCredentials(
  term: Terminal,
  daemon: Daemon,
  name: string | undefined,
  options: GetOptions,
): Promise<void> {
  const terms = termsOf(options.selector);
  const { value } = await daemon.ask('listCredentials');
  const items = value.items.filter(
    (one) => (name === undefined || one.name === name) && terms.every((term) => holds(term, one.labels[term.key])),
  );
  if (name !== undefined) {
    const [one] = items;
    if (!one) throw new CommandFailure(EXIT.notFound, `there is no credential ${name}`);
    return printDocuments(term, options.output === 'json' ? 'json' : 'yaml', written(one));
  }
  if (options.output !== 'table') return printDocuments(term, options.output, items.map(written));
  printTable(term, items);
}

const written = ({ name, labels, username, hasKg, rotateDays, ownUser, setAt, usedBy, appliedFrom }: Info) => ({
  kind: 'Credential',
  name,
  labels,
  username,
  password: SEALED,
  ...(hasKg ? { kg: SEALED } : {}),
  ...(rotateDays === undefined ? {} : { rotateDays }),
  ownUser,
  status: { setAt, usedBy, ...(appliedFrom === undefined ? {} : { appliedFrom }) },
});

export async function listCredentials(term: Terminal, daemon: Daemon, { output }: WithOutput): Promise<void> {
  const { value } = await daemon.ask('listCredentials');
  if (output !== 'table') return printDocuments(term, output, value.items);
  printTable(term, value.items);
  await printUses(term, daemon);
}

/** Which BMC is opened with what. */
async function printUses(term: Terminal, daemon: Daemon): Promise<void> {
  const { value } = await daemon.ask('listBmcs');
  const items = value.items.filter(({ credential }) => credential !== undefined);
  if (items.length === 0) return;
  say(
    term,
    '',
    ...table(
      term,
      [
        { title: 'BMC', of: ({ address }) => address },
        { title: 'MACHINE', of: ({ machine }) => machine },
        { title: 'USES', of: ({ credential }) => (credential?.own === true ? 'its own' : credential?.name) },
        { title: 'USER', of: ({ credential }) => credential?.username },
        { title: 'SINCE', of: ({ credential }) => isoTime(credential?.setAt) },
        { title: 'ROTATES BEFORE', of: ({ credential }) => isoTime(credential?.rotatesAt) },
      ],
      items,
    ),
  );
}

function printTable(term: Terminal, items: readonly Info[]): void {
  if (items.length === 0)
    return note(term, 'no credential is set', '  next: ingot bmc credentials set NAME --username USER');
  say(
    term,
    ...table(
      term,
      [
        { title: 'NAME', of: ({ name }) => name },
        { title: 'USER', of: ({ username }) => username },
        { title: 'PASSWORD', of: () => '***' },
        { title: 'SET', of: ({ setAt }) => isoTime(setAt) },
        { title: 'ROTATES', of: ({ rotateDays }) => (rotateDays === undefined ? undefined : `${rotateDays} d`) },
        { title: 'OPENS', of: ({ usedBy }) => usedBy.length },
        {
          title: '',
          of: ({ shared }) => (shared ? 'shared: ingot bmc rotate gives each its own' : ''),
          style: () => 'yellow',
        },
      ],
      items,
    ),
  );
}

export type CredentialOptions = {
  readonly username: string;
  readonly passwordFile?: string;
  readonly passwordEnv?: string;
  readonly kgFile?: string;
  readonly rotateDays?: number;
  readonly ownUser?: boolean;
};

/** The password from a file, the environment, a pipe or a question; never from the command line, which others can read. */
export async function setCredential(
  term: Terminal,
  daemon: Daemon,
  name: string,
  options: CredentialOptions,
): Promise<void> {
  const password = await passwordOf(term, name, options);
  const kg = options.kgFile === undefined ? undefined : (await fileText(term, options.kgFile)).toLowerCase();
  const { value } = await daemon.ask('putCredential', {
    params: { name },
    body: {
      username: options.username,
      password,
      ...(kg === undefined ? {} : { kg }),
      ...(options.rotateDays === undefined ? {} : { rotateDays: options.rotateDays }),
      ...(options.ownUser === undefined ? {} : { ownUser: options.ownUser }),
    },
  });
  const opens =
    value.usedBy.length === 0 ? '' : `; it opens ${value.usedBy.length} BMC${value.usedBy.length === 1 ? '' : 's'}`;
  say(term, `credential ${name} is set and sealed${opens}`);
}

async function passwordOf(term: Terminal, name: string, options: CredentialOptions): Promise<string> {
  if (options.passwordEnv !== undefined) {
    const found = term.env[options.passwordEnv];
    if (found === undefined || found === '') throw badInput(`--password-env: ${options.passwordEnv} is not set`);
    return found;
  }
  if (options.passwordFile === '-') return (await term.readInput()).replace(/\r?\n$/, '');
  if (options.passwordFile !== undefined) return await fileText(term, options.passwordFile);
  if (!term.interactive) throw badInput('want --password-file FILE (- for standard input) or --password-env NAME');
  return await askSecret(term, `Password of ${options.username} (credential ${name}): `);
}

async function fileText(term: Terminal, file: string): Promise<string> {
  try {
    return (await readFile(resolve(term.cwd, file), 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw badInput(`cannot read ${file} (${codeOf(error) ?? String(error)})`);
  }
}

export async function removeCredential(term: Terminal, daemon: Daemon, name: string): Promise<void> {
  await daemon.ask('removeCredential', { params: { name } });
  say(term, `credential ${name} is forgotten`);
}
