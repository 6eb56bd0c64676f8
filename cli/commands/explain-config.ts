import { terminal as escaped } from '#machines/values/escape.ts';
import type { Daemon } from '../daemon.ts';
import { nameOf } from '../machine-names.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { table } from '../output/table.ts';
import { note, paint, say, type Terminal } from '../terminal.ts';

/** What is configured for a machine, and who said each value: its class, its profile, itself, or a network. */
export async function explainConfig(term: Terminal, daemon: Daemon, of: string, output: Format): Promise<void> {
  const name = await nameOf(daemon, of);
  const { value } = await daemon.ask('getMachineConfig', { params: { name } });
  if (output !== 'table') return printDocuments(term, output, value);
  const { machine, profile, values, refusals } = value;
  say(term, paint(term, 'bold', `${escaped(machine)}: class ${value.class ?? 'none'}, profile ${profile ?? 'none'}`));
  if (values.length === 0 && refusals.length === 0) {
    return note(term, 'nothing is configured for it', '  next: add data, config or network to its machine or profile');
  }
  say(
    term,
    ...table(
      term,
      [
        { title: 'KEY', of: ({ path }) => path },
        { title: 'VALUE', of: ({ value: shown }) => (typeof shown === 'string' ? shown : JSON.stringify(shown)) },
        { title: 'FROM', of: ({ from }) => from },
      ],
      values,
    ),
  );
  if (refusals.length === 0) return;
  say(
    term,
    '',
    paint(term, 'dim', 'what they could not express:'),
    ...refusals.map(({ target, key, because }) =>
      escaped(`  ${target}: ${target === 'Talos' ? '' : 'network.'}${key}: ${because}`),
    ),
  );
}
