import { availableParallelism } from 'node:os';
import { type FileRun, runFile } from './run-file.ts';
import { runGroup } from './run-group.ts';
import { isPure, sharesMachine, tierOf } from './tiers.ts';

/** Most of the fast ones also wait: for a disk, a worker, a timer. */
const SHARING = 2 * availableParallelism();
const GROUPS = availableParallelism();
const FAST_LIMIT_MS = 120_000;
const SLOW_LIMIT_MS = 900_000;
/** An emulated machine is one thread that waits for nothing, and its lab is a network of its own. */
const GUESTS = Math.min(2, availableParallelism());

/**
 * Runs test files: the pure ones in a process for each core, the others that share the machine several at a time, then
 * those with real programs one after another, and the whole matrices, which are mostly emulated machines, in pairs.
 */
export async function runAll(options: {
  readonly files: readonly string[];
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly done: (run: FileRun) => void;
}): Promise<void> {
  const pure = options.files.length > 1 ? options.files.filter(isPure) : [];
  const sharing = options.files.filter((file) => sharesMachine(file) && !pure.includes(file));
  const alone = options.files.filter((file) => !sharesMachine(file));
  const groups = Array.from({ length: GROUPS }, (_, index) => pure.filter((_file, at) => at % GROUPS === index)).filter(
    (files) => files.length > 0,
  );
  await Promise.all(groups.map((files) => runGroup({ ...options, files, limitMs: FAST_LIMIT_MS })));
  await drain(sharing, SHARING, FAST_LIMIT_MS);
  const full = alone.filter((file) => tierOf(file) === 'full');
  await drain(
    alone.filter((file) => !full.includes(file)),
    1,
    SLOW_LIMIT_MS,
  );
  await drain(full, GUESTS, SLOW_LIMIT_MS);

  async function drain(files: readonly string[], workers: number, limitMs: number): Promise<void> {
    const queue = [...files];
    const work = async () => {
      for (let file = queue.shift(); file !== undefined && !options.signal.aborted; file = queue.shift()) {
        options.done(await runFile({ ...options, file, limitMs }));
      }
    };
    await Promise.all(Array.from({ length: workers }, work));
  }
}
