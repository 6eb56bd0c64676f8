import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EXIT } from '#machines/contract/exit-status.ts';
import { machineDocument, type MachineDocument } from '#machines/contract/documents.ts';
import { issueText } from '#services/yaml/issue-text.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import type { Daemon } from '../daemon.ts';
import { badInput } from '../failure.ts';
import { guessFormat, IMPORT_FORMATS, type ImportFormat, readImport } from '../import/formats.ts';
import type { Imported } from '../import/imported.ts';
import { count } from '../machine-names.ts';
import { note, say, type Terminal } from '../terminal.ts';
import { codeOf } from '../where.ts';

export type ImportOptions = { readonly from?: string; readonly dryRun?: boolean; readonly adopt?: boolean };

/**
 * Machines from a list, or from the leases of another DHCP server. Those that come from leases are in service, so they
 * are adopted: never netbooted, until somebody accepts them by name.
 */
export async function importMachines(
  term: Terminal,
  daemon: Daemon,
  file: string,
  options: ImportOptions,
): Promise<number> {
  const text = file === '-' ? await term.readInput() : await readOrFail(resolve(term.cwd, file), file);
  const format = options.from === undefined ? guessFormat(text) : parseImportFormat(options.from);
  const { machines, issues, skipped } = readImport(format, text, Date.now());
  const documents: { readonly document: MachineDocument; readonly line: number }[] = [];
  const wrong = issues.map(({ line, column, text: what }) => `${file}:${line}:${column}: ${what}`);
  for (const machine of machines) {
    const read = machineDocument.safeParse(documentOf(machine));
    if (read.success) documents.push({ document: read.data, line: machine.line });
    else
      wrong.push(
        ...read.error.issues.map(
          (issue) => `${file}:${machine.line}:1: ${issue.path.join('.')}: ${issueText(issue, undefined)}`,
        ),
      );
  }
  if (wrong.length > 0) throw badInput(...wrong.map(escaped));
  if (documents.length === 0)
    throw badInput(`${file}: got no machine in it (read as ${format}), ${skipped} entries skipped`);
  const adopt = format !== 'csv' && options.adopt !== false;
  const passed = skipped > 0 ? `, ${skipped} entries skipped (old, released, or no Ethernet client)` : '';
  note(term, `${count(documents.length)} in ${file}, read as ${format}${passed}`);
  const { value } = await daemon.ask('apply', {
    body: { documents: documents.map(({ document }) => document), dryRun: options.dryRun === true },
  });
  let status: number = EXIT.done;
  for (const { change, name, index, problem } of value.changes) {
    if (problem) {
      note(term, escaped(`${file}:${documents[index ?? 0]?.line ?? 1}:1: ${name}: ${problem.detail ?? problem.title}`));
      status = EXIT.badInput;
    } else if (change === 'created' && adopt && !value.dryRun) {
      await daemon.ask('actOnMachine', { params: { name, action: 'adopt' } });
      say(term, `${name} created, adopted`);
    } else if (change !== 'unchanged') say(term, `${name} ${change}${value.dryRun ? ' (dry run)' : ''}`);
  }
  return status;
}

const documentOf = ({ name, macs, address, more }: Imported) => ({
  kind: 'Machine',
  name,
  macs,
  ...(address === undefined ? {} : { address }),
  ...more,
});

function parseImportFormat(text: string): ImportFormat {
  const found = IMPORT_FORMATS.find((one) => one === text);
  if (found) return found;
  throw badInput(`--from: got ${text}, want ${IMPORT_FORMATS.join(' | ')}`);
}

async function readOrFail(path: string, shown: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw badInput(
      `${shown}: ${codeOf(error) === 'ENOENT' ? 'there is no such file' : `cannot be read (${codeOf(error) ?? String(error)})`}`,
    );
  }
}
