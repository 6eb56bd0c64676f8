import type { Command } from 'commander';
import { terminal as escaped } from '#machines/values/escape.ts';
import { treeOf } from '../command-tree.ts';
import { daemonAt } from '../daemon.ts';
import { say, type Terminal } from '../terminal.ts';
import { findDaemon } from '../where.ts';
import { type Candidate, type Completion, completionOf, givenGlobals } from './decide/candidates.ts';
import { afterBashBreak, shellWords } from './decide/shell-words.ts';
import { namesFrom } from './names.ts';
import { FILES } from './scripts.ts';

/** Whoever presses a key does not wait longer for names. */
const PATIENCE_MS = 1000;

/**
 * Answers a shell's script: a line for each word that may stand there, with what it means after a tab; or that the shell
 * itself completes files. Fails at nothing: without a daemon there are no names, and nothing is said.
 */
export async function complete(
  term: Terminal,
  program: Command,
  given: { readonly line: string } | { readonly words: readonly string[] },
): Promise<void> {
  const words = 'line' in given ? shellWords(given.line).slice(1) : given.words;
  const completion = completionOf(treeOf(program), words);
  if (completion.from.kind === 'files') return say(term, FILES);
  const { before, typed } = completion;
  for (const { word, about } of await wordsOf(term, completion, words)) {
    const whole = before + word;
    // bash puts it in the place of the part that it takes for a word.
    const kept = 'line' in given ? whole.slice((before + typed).length - afterBashBreak(before + typed).length) : whole;
    say(term, 'line' in given || about === '' ? escaped(kept) : `${escaped(kept)}\t${escaped(about)}`);
  }
}

async function wordsOf(
  term: Terminal,
  completion: Completion,
  words: readonly string[],
): Promise<readonly Candidate[]> {
  const { from, typed } = completion;
  if (from.kind === 'words') return from.words.filter(({ word }) => word.startsWith(typed));
  if (from.kind !== 'names') return [];
  const signal = AbortSignal.any([term.signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    return await namesFrom(daemonAt(await findDaemon(givenGlobals(words), term), signal), from.of, typed);
  } catch {
    // An error in the middle of a line that somebody types helps nobody: the command will tell it.
    return [];
  }
}
