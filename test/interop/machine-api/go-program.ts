import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Builds a program of Go; why it cannot be had, or undefined when it is built. */
export async function goProgram(source: URL, program: string): Promise<string | undefined> {
  try {
    await run('go', ['version']);
  } catch {
    return 'needs go';
  }
  try {
    await run('go', ['mod', 'download'], { cwd: source, timeout: 300_000 });
  } catch {
    return "needs the Go modules of Talos' client";
  }
  await run('go', ['build', '-o', program, '.'], { cwd: source, timeout: 400_000 });
  return undefined;
}
