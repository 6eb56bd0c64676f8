import { Writable } from 'node:stream';
import { EXIT } from '#machines/contract/exit-status.ts';
import { VERSION } from '#machines/contract/version.ts';
import { treeOf } from '../command-tree.ts';
import { programOf } from '../program.ts';
import { manualPages, type Page } from './decide/roff.ts';

/** The manual of the command line as it is. `date` is what its foot says: `2026-11-28`. */
export function commandPages(date: string): readonly Page[] {
  const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });
  const program = programOf({
    term: {
      out: nowhere(),
      error: nowhere(),
      env: {},
      cwd: '/',
      interactive: false,
      colour: false,
      columns: 80,
      signal: new AbortController().signal,
      readInput: async () => '',
    },
    daemon: () => Promise.reject(new Error('a manual asks nobody')),
    end: () => {},
  });
  return manualPages(treeOf(program), {
    version: VERSION,
    date,
    exitStatus: [
      [EXIT.done, 'done'],
      [EXIT.failed, 'failed; or there are differences or findings'],
      [EXIT.badInput, 'the command line, a file or the configuration is wrong'],
      [EXIT.notFound, 'not found'],
      [EXIT.daemonUnreachable, 'no daemon answers'],
      [EXIT.refused, 'refused: by safety, state or rights'],
    ],
  });
}
