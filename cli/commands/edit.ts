import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { documentInput, writeDocument } from '#machines/contract/api/document-form.ts';
import { isCredentialKind } from '#machines/contract/api/file-form.ts';
import { DOCUMENT_ROUTES } from '#machines/contract/api/routes.ts';
import type { Document } from '#machines/contract/documents.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import { formatYamlIssue, readYaml } from '#services/yaml/read-yaml.ts';
import type { Daemon } from '../daemon.ts';
import { CommandFailure, failureOf } from '../failure.ts';
import { expandNames } from '../ranges.ts';
import { say, type Terminal } from '../terminal.ts';
import { kindOrFail } from './get.ts';
import { each, removeMachines } from './machine-act.ts';

/** Opens a document in an editor and puts it back, unless somebody else has changed it meanwhile. */
export async function edit(term: Terminal, daemon: Daemon, what: string, name: string): Promise<void> {
  if (isCredentialKind(what)) {
    throw new CommandFailure(
      EXIT.refused,
      'a credential is sealed: ingot bmc credentials set NAME, or ingot apply -f FILE',
    );
  }
  const kind = kindOrFail(what);
  if (kind === 'Subnet')
    throw new CommandFailure(
      EXIT.refused,
      'subnets are read from the configuration file of the daemon; change them there',
    );
  const routes = DOCUMENT_ROUTES[kind];
  const { value, rev } = await daemon.ask(routes.get, { params: { name } });
  const { status: _status, ...document } = value as Document & { readonly status: unknown };
  const before = stringify(writeDocument(document), { lineWidth: 120 });
  const dir = await mkdtemp(join(tmpdir(), 'ingot-edit-'));
  const file = join(dir, `${name}.yaml`);
  let isKept = false;
  try {
    await writeFile(file, before, { mode: 0o600 });
    await openEditor(file, term);
    const after = await readFile(file, 'utf8');
    if (after === before) return say(term, `${kind} ${name} unchanged`);
    const read = readYaml({ file, text: after }, documentInput);
    if (!read.ok) throw kept(file, read.issues.map(formatYamlIssue));
    const [edited] = read.documents;
    if (!edited || read.documents.length > 1) throw kept(file, [`${file}:1:1: want exactly one document`]);
    const answer = await daemon.attempt(routes.put, {
      params: { name },
      body: writeDocument(edited.value),
      ...(rev === undefined ? {} : { expected: rev }),
    });
    if ('problem' in answer) throw kept(file, [failureOf(answer.problem, `${kind} ${name}`).message]);
    say(term, `${kind} ${name} changed`);
  } catch (error) {
    isKept = error instanceof Kept;
    throw error;
  } finally {
    if (!isKept) await rm(dir, { recursive: true, force: true });
  }
}

/** What somebody has typed is not thrown away because a line of it is wrong. */
class Kept extends CommandFailure {}
const kept = (file: string, lines: readonly string[]): Kept =>
  new Kept(EXIT.badInput, ...lines, `  next: correct ${file}, then ingot apply -f ${file}`);

async function openEditor(file: string, { env }: Terminal): Promise<void> {
  const editor = env['VISUAL'] ?? env['EDITOR'] ?? 'vi';
  // By a shell, since an editor is often set with arguments: `code --wait`.
  const child = spawn('sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0)
    throw new CommandFailure(EXIT.failed, `the editor ended with ${code ?? 'a signal'}; nothing was changed`);
}

export async function remove(
  term: Terminal,
  daemon: Daemon,
  what: string,
  words: readonly string[],
  options: { readonly yes?: boolean; readonly selector?: string },
): Promise<number> {
  if (isCredentialKind(what)) {
    return await each(term, expandNames(words), async (name) => {
      const answer = await daemon.attempt('removeCredential', { params: { name } });
      return 'problem' in answer ? answer : 'removed';
    });
  }
  const kind = kindOrFail(what);
  if (kind === 'Machine') return await removeMachines(term, daemon, words, options);
  if (kind === 'Subnet')
    throw new CommandFailure(
      EXIT.refused,
      'subnets are read from the configuration file of the daemon; change them there',
    );
  const { remove: route } = DOCUMENT_ROUTES[kind];
  return await each(term, expandNames(words), async (name) => {
    const answer = await daemon.attempt(route, { params: { name } });
    return 'problem' in answer ? answer : 'removed';
  });
}
