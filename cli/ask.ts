import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { EXIT } from '#machines/contract/exit-status.ts';
import { CommandFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** Goes on only when a person types the number of machines: a hand that says yes without reading does not get through. */
export async function confirmCount(term: Terminal, question: string, wanted: number, digest: string): Promise<void> {
  if (!term.interactive) {
    throw new CommandFailure(EXIT.refused, `${question} Nobody can be asked here: say --confirm ${digest}`);
  }
  await asked(
    term,
    `${question}${atDaemon(term)} Type the number of machines to go on: `,
    (answer) => answer === String(wanted),
  );
}

/** Goes on only when a person says so, or `--yes` has said so before. */
export async function confirm(term: Terminal, question: string, yes: boolean | undefined): Promise<void> {
  if (yes === true) return;
  if (!term.interactive) throw new CommandFailure(EXIT.refused, `${question} Nobody can be asked here: say --yes`);
  await asked(term, `${question}${atDaemon(term)} [y/N] `, (answer) => /^y(es)?$/i.test(answer));
}

/** Goes on only when a person types this very word. */
export async function confirmWord(term: Terminal, question: string, what: string, word: string): Promise<void> {
  await asked(term, `${question}${atDaemon(term)} Type ${what} to go on: `, (answer) => answer === word);
}

/** What is typed is not shown. */
export async function askSecret(term: Terminal, question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  term.error.write(question);
  try {
    const answer = await lines.question('', { signal: term.signal });
    if (answer === '') throw new CommandFailure(EXIT.refused, 'nothing was typed, and nothing was done');
    return answer;
  } finally {
    lines.close();
    term.error.write('\n');
  }
}

/** After a question: whose machines these are. */
export const atDaemon = ({ asks }: Pick<Terminal, 'asks'>): string => {
  const daemon = asks?.();
  return daemon === undefined ? '' : ` (at ${daemon})`;
};

async function asked(term: Terminal, question: string, agrees: (answer: string) => boolean): Promise<void> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(question, { signal: term.signal });
    if (!agrees(answer.trim())) throw new CommandFailure(EXIT.refused, 'nothing was done');
  } finally {
    lines.close();
  }
}
