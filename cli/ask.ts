import { createInterface } from 'node:readline/promises';
import { EXIT } from '#machines/contract/exit-status.ts';
import { CommandFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** Goes on only when a person says so, or `--yes` has said so before. */
export async function confirm(term: Terminal, question: string, yes: boolean | undefined): Promise<void> {
  if (yes === true) return;
  if (!term.interactive) throw new CommandFailure(EXIT.refused, `${question} Nobody can be asked here: say --yes`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal: term.signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw new CommandFailure(EXIT.refused, 'nothing was done');
  } finally {
    lines.close();
  }
}
