import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REPORTER, readResults } from './reported.ts';
import type { Result } from './result.ts';
import { type Outcome, runCommand } from './run-command.ts';

export type FileRun = {
  readonly file: string;
  readonly results: readonly Result[];
  /** What the file's process wrote; worth reading when something failed. */
  readonly output: string;
  readonly durationMs: number;
};

/**
 * Runs one test file in a process of its own.
 *
 * Counted as failed, beside the failing tests: a file without a test, one that ends badly with no test to blame, runs
 * out of time, or leaves processes behind.
 */
export async function runFile(options: {
  readonly file: string;
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly limitMs: number;
  readonly graceMs?: number;
  readonly signal: AbortSignal;
}): Promise<FileRun> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-run-'));
  try {
    const reported = join(folder, 'results');
    const args = [`--test-reporter=${REPORTER}`, `--test-reporter-destination=${reported}`, options.file];
    const outcome = await runCommand({ ...options, command: process.execPath, args, cwd: options.root });
    const results = (await readResults(reported)).map(({ result }) => result);
    return {
      file: options.file,
      results: [...results, ...faultsOfFile({ outcome, results, limitMs: options.limitMs })],
      output: outcome.output,
      durationMs: outcome.durationMs,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function faultsOfFile(options: {
  readonly outcome: Outcome;
  readonly results: readonly Result[];
  readonly limitMs: number;
}): Result[] {
  const { outcome, results, limitMs } = options;
  const fault = (name: string, detail: string): Result => ({ kind: 'failed', name, detail });
  if (outcome.timedOut) return [fault('the file ends in time', `it was stopped after ${limitMs / 1000} s`)];
  const faults: Result[] = [];
  const blamed = results.some((result) => result.kind === 'failed');
  if (outcome.status !== 0 && !blamed) {
    faults.push(fault('the file ends well', `it ended ${describeEnd(outcome.status)}, and no test says why`));
  } else if (results.length === 0) {
    faults.push(fault('the file holds a test', 'no test ran'));
  }
  if (outcome.leftProcesses.length > 0) {
    faults.push(fault('the file ends what it starts', `it left ${outcome.leftProcesses.join(', ')} behind`));
  }
  return faults;
}

function describeEnd(status: number | undefined): string {
  return status === undefined ? 'by a signal' : `with status ${status}`;
}
