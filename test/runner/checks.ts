import { join } from 'node:path';
import { runCommand } from './run-command.ts';
import type { FileRun } from './run-file.ts';

/** What was checked before and has not changed since is not checked again. */
const remembered = (name: string) => ['--incremental', '--tsBuildInfoFile', `.cache/${name}.tsbuildinfo`];

const CHECKS = [
  { name: 'format', command: 'biome', args: ['format', '.'] },
  { name: 'lint', command: 'oxlint', args: [] },
  { name: 'types', command: 'tsc', args: ['--noEmit', ...remembered('types')] },
  { name: 'types of the page', command: 'tsc', args: ['-p', 'web', ...remembered('web')] },
] as const;

const LIMIT_MS = 180_000;

/** Runs the checks that need no test file, each counted as one test. */
export async function runChecks(options: {
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly done: (run: FileRun) => void;
}): Promise<void> {
  for (const check of CHECKS) {
    const command = join(options.root, 'node_modules', '.bin', check.command);
    const { status, timedOut, output, durationMs } = await runCommand({
      ...options,
      command,
      args: check.args,
      cwd: options.root,
      limitMs: LIMIT_MS,
    });
    const name = `${check.command} has nothing to say`;
    const detail = timedOut ? `it was stopped after ${LIMIT_MS / 1000} s` : `it ended with status ${status}`;
    const result = status === 0 ? ({ kind: 'passed', name } as const) : ({ kind: 'failed', name, detail } as const);
    options.done({ file: check.name, results: [result], output, durationMs });
  }
}
