import type { Explanation } from '#machines/contract/api/explain.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import type { Daemon } from '../daemon.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { pairs } from '../output/table.ts';
import { paint, say, type Terminal } from '../terminal.ts';

const WHAT = {
  'own-disk': 'its own disk',
  hold: 'waits at a script',
  netboot: 'is netbooted',
  shell: 'would stop at a shell of iPXE',
} as const;

/** Which rule decides for a machine, and the script that it would be sent now, byte for byte. */
export async function explain(term: Terminal, daemon: Daemon, of: string, output: Format): Promise<void> {
  const { value } = await daemon.ask('explain', { query: { of } });
  if (output !== 'table') return printDocuments(term, output, value);
  const { machine, mac, plan, outcome, missing, loader, script } = value;
  say(term, paint(term, 'bold', `${escaped(machine ?? mac ?? of)}: ${headline(value)}`));
  say(
    term,
    ...pairs(term, [
      ['because', outcome.because],
      ['MAC', mac],
      ['standing', standing(value)],
      ['profile', plan.profile],
      ['image', plan.image],
      ['grant', plan.grant],
      ['boot file', loader.name === undefined ? loader.because : `${loader.name} (${loader.because})`],
      ...missing.map(({ file, because }) => ['missing', `${file}: ${because}`] as const),
    ]),
    '',
    paint(term, 'dim', `what an iPXE of it would get now (${script.situation}: ${escaped(script.because)}):`),
    // Line by line, so that nothing in it is read by the terminal.
    ...script.text.replace(/\n$/, '').split('\n').map(escaped),
  );
}

const headline = ({ outcome, script }: Explanation): string =>
  outcome.kind === 'netboot' && script.situation === 'agent'
    ? 'is booted into the agent, which writes no disk unless a confirmed job says so'
    : WHAT[outcome.kind];

const standing = ({ standing: word, locked }: Explanation): string =>
  word === undefined ? 'no machine has this MAC' : [word, locked === true ? 'locked' : ''].filter(Boolean).join(', ');
