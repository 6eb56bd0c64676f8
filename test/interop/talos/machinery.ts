import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SOURCE = new URL('./machinery/', import.meta.url);

/**
 * Another go.mod for the program, where the module of a newer Talos is at hand that no proxy has:
 * `INGOT_TALOS_MODFILE=/path/to/go.mod`, with a `replace` of `github.com/siderolabs/talos/pkg/machinery`.
 */
const MODFILE = process.env['INGOT_TALOS_MODFILE'];

export type Question = {
  readonly kind:
    | 'version'
    | 'validate'
    | 'normal'
    | 'patch'
    | 'generate'
    | 'secrets'
    | 'talosconfig'
    | 'client'
    | 'yaml';
  readonly [key: string]: unknown;
};
export type Answer = {
  readonly text?: string;
  readonly texts?: readonly string[];
  readonly warnings?: readonly string[];
  readonly error?: string;
};

export type Machinery = AsyncDisposable & {
  ask(questions: readonly Question[]): Promise<readonly Answer[]>;
};

/** A program of Talos' own module `pkg/machinery`; or why it cannot be had. */
export async function buildMachinery(): Promise<Machinery | string> {
  try {
    await run('go', ['version']);
  } catch {
    return 'needs go';
  }
  const other = MODFILE === undefined ? [] : ['-mod=mod', `-modfile=${MODFILE}`];
  if (MODFILE === undefined) {
    try {
      await run('go', ['mod', 'download'], { cwd: SOURCE, timeout: 300_000 });
    } catch {
      return "needs the Go module of Talos' machinery";
    }
  }
  const folder = await mkdtemp(join(tmpdir(), 'ingot-talos-'));
  const program = join(folder, 'machinery');
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    await run('go', ['build', ...other, '-o', program, '.'], { cwd: SOURCE, timeout: 500_000 });
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    async ask(questions) {
      const asked = run(program, [], { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 });
      asked.child.stdin?.end(JSON.stringify(questions));
      const { stdout } = await asked;
      return JSON.parse(stdout) as readonly Answer[];
    },
    [Symbol.asyncDispose]: dispose,
  };
}
