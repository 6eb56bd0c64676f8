import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startProgram } from '#test/lab/program.ts';

const run = promisify(execFile);
const SOURCE = new URL('./go-bmc/', import.meta.url);

export type GoBmc = AsyncDisposable & { readonly port: number };

export const GO_PASSWORD = 'secretpw';
export const GO_KG = 'kg-of-twenty-letters';

/** go-ipmi's BMC, built; or why it cannot be had. */
export async function buildGoBmc(): Promise<
  | {
      readonly kind: 'built';
      readonly start: (suites: string, kg?: string) => Promise<GoBmc>;
      readonly remove: () => Promise<void>;
    }
  | { readonly kind: 'missing'; readonly reason: string }
> {
  try {
    await run('go', ['version']);
  } catch {
    return { kind: 'missing', reason: 'needs go' };
  }
  try {
    await run('go', ['mod', 'download'], { cwd: SOURCE, timeout: 300_000 });
  } catch {
    return { kind: 'missing', reason: 'needs the Go module go-ipmi' };
  }
  const folder = await mkdtemp(join(tmpdir(), 'ingot-go-bmc-'));
  const program = join(folder, 'go-bmc');
  await run('go', ['build', '-o', program, '.'], { cwd: SOURCE, timeout: 400_000 });
  let started = 0;
  return {
    kind: 'built',
    async start(suites, kg) {
      const running = startProgram({
        name: 'go-bmc',
        command: [program, suites, ...(kg === undefined ? [] : [kg])],
        logFile: join(folder, `log-${started++}`),
      });
      const [, port] = await running.waitForOutput(/listening on 127\.0\.0\.1:(\d+)/, 20_000);
      return {
        port: Number(port),
        async [Symbol.asyncDispose]() {
          await running.stop();
        },
      };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
