import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { AppliedChange, Difference } from '#machines/contract/api/apply.ts';
import type { CredentialChange } from '#machines/contract/api/bmc-resource.ts';
import { writeDocument } from '#machines/contract/api/document-form.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import type { Daemon } from '../daemon.ts';
import { type ReadCredential, readSecrets } from '../credential-files.ts';
import { type ReadDocument, readDocuments } from '../documents-file.ts';
import { badInput } from '../failure.ts';
import { note, paint, say, type Terminal } from '../terminal.ts';

export type ApplyOptions = {
  readonly file: readonly string[];
  readonly prune?: boolean;
  readonly dryRun?: boolean;
  readonly output?: 'table' | 'json';
};

/** What became of all that stood in the files, documents and credentials, in the order in which it was done. */
type Applied = {
  readonly dryRun: boolean;
  readonly ok: boolean;
  readonly changes: readonly (AppliedChange | CredentialChange)[];
};
type Read = { readonly documents: readonly ReadDocument[]; readonly credentials: readonly ReadCredential[] };

/** `apply`: does it, and says what changed. */
export async function apply(term: Terminal, daemon: Daemon, options: ApplyOptions): Promise<number> {
  const { answer, read } = await send(term, daemon, options, options.dryRun === true);
  if (options.output === 'json') say(term, JSON.stringify(answer, undefined, 2));
  else {
    const notable = answer.changes.filter(({ change }) => change !== 'unchanged' && change !== 'failed');
    say(term, ...notable.map((change) => changeLine(term, change)));
    say(term, summary(answer));
  }
  return failures(term, answer, read) ? EXIT.badInput : EXIT.done;
}

/** `diff`: says what `apply` would change, value by value; exit status 1 when there is anything. */
export async function diff(term: Terminal, daemon: Daemon, options: ApplyOptions): Promise<number> {
  const { answer, read } = await send(term, daemon, options, true);
  const changes = answer.changes.filter(({ change }) => change !== 'unchanged' && change !== 'failed');
  if (options.output === 'json') say(term, JSON.stringify(answer, undefined, 2));
  else
    say(
      term,
      ...changes.flatMap((change) => [
        changeLine(term, change),
        ...change.differences.map((one) => differenceLine(term, one)),
      ]),
    );
  if (failures(term, answer, read)) return EXIT.badInput;
  return changes.length > 0 ? EXIT.failed : EXIT.done;
}

async function send(
  term: Terminal,
  daemon: Daemon,
  { file, prune = false }: ApplyOptions,
  dryRun: boolean,
): Promise<{ readonly answer: Applied; readonly read: Read }> {
  const [only, ...others] = file;
  const from = only === undefined || only === '-' || others.length > 0 ? undefined : resolve(term.cwd, only);
  if (prune && from === undefined)
    throw badInput('--prune: want exactly one -f FILE or DIR: what came from it before is removed');
  const read = await readDocuments(file, term);
  const { documents, credentials } = read;
  const secrets = await readSecrets(credentials, term);
  note(term, ...(await missingFiles(documents)));
  const whence = from === undefined ? {} : { from };
  // Before the machines that name them, whose BMCs are polled at once.
  const wanted = credentials.map(({ document: { name, labels, username, rotateDays, ownUser } }, index) => ({
    name,
    labels,
    username,
    ...(rotateDays === undefined ? {} : { rotateDays }),
    ownUser,
    ...secrets[index],
  }));
  const set =
    wanted.length === 0
      ? undefined
      : (await daemon.ask('applyCredentials', { body: { credentials: wanted, dryRun, ...whence } })).value;
  const body = { documents: documents.map(({ document }) => writeDocument(document)), dryRun, prune, ...whence };
  const applied = documents.length > 0 || prune ? (await daemon.ask('apply', { body })).value : undefined;
  const leaving = (applied?.changes ?? []).flatMap(({ kind, name, change }) =>
    kind === 'Machine' && change === 'removed' ? [name] : [],
  );
  // And after them, because a credential that is named by a machine stays.
  const forgotten =
    from !== undefined && prune && (await isPruned(daemon, from, credentials))
      ? (await daemon.ask('applyCredentials', { body: { credentials: wanted, dryRun, prune, leaving, from } })).value
      : undefined;
  const gone = forgotten?.changes.filter(({ change }) => change === 'removed' || change === 'kept') ?? [];
  const changes = [...(set?.changes ?? []), ...(applied?.changes ?? []), ...gone];
  return { answer: { dryRun, ok: changes.every(({ change }) => change !== 'failed'), changes }, read };
}

/** Whether any credential came from there and stands there no more: only then administrators' rights are asked for. */
async function isPruned(daemon: Daemon, from: string, credentials: readonly ReadCredential[]): Promise<boolean> {
  const { value } = await daemon.ask('listCredentials');
  return value.items.some(
    ({ name, appliedFrom }) => appliedFrom === from && !credentials.some(({ document }) => document.name === name),
  );
}

/** A file may come later, and the daemon may run elsewhere: so it is said, and no failure. */
async function missingFiles(documents: readonly ReadDocument[]): Promise<readonly string[]> {
  const named = documents.flatMap(({ document, place }) =>
    document.kind !== 'Image'
      ? []
      : document.assets.flatMap(({ path }, index) =>
          path === undefined ? [] : [{ path, where: place(`assets[${index}].path`) }],
        ),
  );
  const lines = await Promise.all(
    named.map(async ({ path, where }) => {
      try {
        await access(path);
        return [];
      } catch {
        return [escaped(`${where}: warning: ${path} is not there (on this host); nothing can boot it until it is`)];
      }
    }),
  );
  return lines.flat();
}

const MARKS = { created: ['+', 'green'], changed: ['~', 'yellow'], removed: ['-', 'red'], kept: ['=', 'dim'] } as const;

function changeLine(
  term: Terminal,
  { kind, name, change, differences, because }: AppliedChange | CredentialChange,
): string {
  if (change === 'unchanged' || change === 'failed') return `  ${kind} ${name} ${change}`;
  const [mark, style] = MARKS[change];
  // Nothing in it may differ: then only the file that it is applied from is another one.
  const paths =
    differences.length === 0 ? 'the file that it is applied from' : differences.map(({ path }) => path).join(', ');
  const what = change === 'changed' ? `: ${paths}` : '';
  const why = because === undefined ? '' : ` (${because})`;
  return paint(term, style, escaped(`${mark} ${kind} ${name} ${change}${what}${why}`));
}

function differenceLine(term: Terminal, { path, before, after }: Difference): string {
  const value = (one: unknown): string => escaped(JSON.stringify(one) ?? 'nothing');
  return `    ${escaped(path)}: ${paint(term, 'red', value(before))} → ${paint(term, 'green', value(after))}`;
}

function summary({ changes, dryRun }: Applied): string {
  const counts = new Map<string, number>();
  for (const { change } of changes) counts.set(change, (counts.get(change) ?? 0) + 1);
  const text = [...counts].map(([change, count]) => `${count} ${change}`).join(', ');
  return dryRun ? `dry run, nothing is changed: ${text}` : text;
}

/** `FILE:LINE:COL: path: text` for each document that was not taken. */
function failures(term: Terminal, answer: Applied, { documents, credentials }: Read): boolean {
  const lines = answer.changes.flatMap((one) => {
    const { kind, name, index, change } = one;
    const place = (kind === 'Credential' ? credentials : documents)[index ?? -1]?.place;
    const line = (path: string, text: string): string => {
      const where = place ? `${place(path)}: ` : '';
      return escaped(`${where}${kind} ${name}: ${path === '' ? '' : `${path}: `}${text}`);
    };
    if (!('problem' in one) || one.problem === undefined) {
      return kind === 'Credential' && change === 'failed' ? [line('', one.because ?? 'it was not taken')] : [];
    }
    const { problem } = one;
    const errors = problem.errors ?? [{ path: '', text: problem.detail ?? problem.title }];
    const next = problem.next === undefined ? '' : `; next: ${problem.next}`;
    return errors.map(({ path, text }) => line(path, `${text}${next}`));
  });
  note(term, ...lines);
  return lines.length > 0;
}
