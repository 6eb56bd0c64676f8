import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FileResult, REPORTER, readResults } from './reported.ts';
import { runCommand } from './run-command.ts';
import { type FileRun, runFile } from './run-file.ts';

/**
 * Runs test files that share nothing in one process, which starts once and loads what they import once.
 *
 * Where that process ends badly with no test to blame, it cannot be told which file did it: then each of them is run in
 * a process of its own, as is a file of which nothing was heard.
 */
export async function runGroup(options: {
  readonly files: readonly string[];
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly limitMs: number;
  readonly graceMs?: number;
  readonly signal: AbortSignal;
  readonly done: (run: FileRun) => void;
}): Promise<void> {
  const { files, root, done } = options;
  const results = await groupResults(options);
  for (const file of files) {
    if (options.signal.aborted) return;
    // node:test has a test of its own for a file without one.
    const own = results?.filter((one) => one.file === join(root, file) && one.result.name !== file) ?? [];
    if (own.length === 0) done(await runFile({ ...options, file }));
    else done({ file, results: own.map(({ result }) => result), output: '', durationMs: sum(own) });
  }
}

const sum = (results: readonly FileResult[]): number => results.reduce((ms, { durationMs }) => ms + durationMs, 0);

/** Nothing where they cannot be believed. */
async function groupResults(options: Parameters<typeof runGroup>[0]): Promise<readonly FileResult[] | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-run-'));
  try {
    const reported = join(folder, 'results');
    const reporter = [`--test-reporter=${REPORTER}`, `--test-reporter-destination=${reported}`];
    const outcome = await runCommand({
      ...options,
      command: process.execPath,
      args: ['--test', '--test-isolation=none', ...reporter, ...options.files],
      cwd: options.root,
    });
    const results = await readResults(reported);
    const blamed = results.some(({ result }) => result.kind === 'failed');
    const bad = outcome.timedOut || outcome.leftProcesses.length > 0 || (outcome.status !== 0 && !blamed);
    return bad ? undefined : results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
