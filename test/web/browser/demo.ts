import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '#test/lab/wait.ts';
import { ROOT } from '#test/project/source-files.ts';

const READY_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;

export type Demo = AsyncDisposable & {
  readonly url: string;
  /** The address that it printed: it opens the page once. */
  readonly firstAddress: string;
  /** Another one. */
  newAddress(): Promise<string>;
  api<T>(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<T>;
};

/** What `npm start` starts, on a free port and with data of its own. */
export async function startDemo({ machines }: { readonly machines: number }): Promise<Demo> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ingot-page-'));
  const args = ['cli/main.ts', 'demo', '--port', '0', '--data', dataDir, '--machines', String(machines)];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'close');

  async function dispose(): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await ended;
    clearTimeout(late);
    await rm(dataDir, { recursive: true, force: true });
  }
  try {
    const firstAddress = await waitFor(
      'an address with a code',
      () => {
        if (child.exitCode !== null) throw new Error(`the demo ended:\n${said}`);
        return /http:\/\/\S+?\?code=[\w-]+/.exec(said)?.[0];
      },
      READY_LIMIT_MS,
    );
    const url = new URL(firstAddress).origin;
    const token = (await readFile(join(dataDir, 'operator.token'), 'utf8')).trim();
    const api: Demo['api'] = async <T>(
      method: string,
      path: string,
      body?: unknown,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<T> => {
      const answer = await fetch(new URL(path, url), {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
        ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return JSON.parse(text) as T;
    };
    return {
      url,
      firstAddress,
      api,
      newAddress: async () => (await api<{ readonly url: string }>('POST', '/api/v1/codes')).url,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}
