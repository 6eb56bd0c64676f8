import { type FileRun, runFile } from './run-file.ts';
import { sharesMachine } from './tiers.ts';

const SHARING = 2;
const FAST_LIMIT_MS = 120_000;
const SLOW_LIMIT_MS = 900_000;

/** Runs test files: those that share the machine two at a time, then the others one after another. */
export async function runAll(options: {
  readonly files: readonly string[];
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly done: (run: FileRun) => void;
}): Promise<void> {
  const sharing = options.files.filter(sharesMachine);
  const alone = options.files.filter((file) => !sharesMachine(file));
  await drain(sharing, SHARING, FAST_LIMIT_MS);
  await drain(alone, 1, SLOW_LIMIT_MS);

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
