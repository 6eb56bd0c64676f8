import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, before } from 'node:test';
import { runCommandLine } from '../../cli/program.ts';
import { type RunningApi, runningApi } from '#test/server/api/running-api.ts';

export type Ran = { readonly status: number; readonly out: string; readonly error: string };

function written(): { readonly stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer | string, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}

/** The command line in this process, against the operator API on loopback; in an empty folder, without a terminal. */
export async function runningCli(overrides: Parameters<typeof runningApi>[0] = {}) {
  const api = await runningApi(overrides);
  const cli = await cliOn(api);
  return {
    ...cli,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await cli[Symbol.asyncDispose]();
    },
  };
}

/** One daemon for the tests of a suite; each gets an empty folder of its own. For what leaves nothing behind in it. */
export function sharedDaemon(): () => ReturnType<typeof cliOn> {
  let api: RunningApi | undefined;
  before(async () => void (api = await runningApi()));
  after(() => api?.[Symbol.asyncDispose]());
  return () => cliOn(api ?? assert.fail('the daemon does not run yet'));
}

async function cliOn(api: RunningApi) {
  const cwd = await mkdtemp(join(tmpdir(), 'ingot-cli-'));

  async function run(
    args: readonly string[],
    more: {
      readonly env?: Record<string, string | undefined>;
      readonly input?: string;
      readonly signal?: AbortSignal;
      readonly onOut?: (text: string) => void;
      readonly columns?: number;
      readonly colour?: boolean;
    } = {},
  ): Promise<Ran> {
    const [out, error] = [written(), written()];
    const watched = more.onOut
      ? new Writable({
          write(chunk: Buffer | string, encoding, done) {
            out.stream.write(chunk, encoding);
            more.onOut?.(out.text());
            done();
          },
        })
      : out.stream;
    const status = await runCommandLine(args, {
      out: watched,
      error: error.stream,
      env: { INGOT_URL: api.url, INGOT_TOKEN: api.tokens.admin, ...more.env },
      cwd,
      interactive: false,
      colour: more.colour ?? false,
      columns: more.columns,
      signal: more.signal ?? new AbortController().signal,
      readInput: async () => more.input ?? '',
    });
    return { status, out: out.text(), error: error.text() };
  }

  return {
    api,
    cwd,
    run,
    /** Runs it and insists that it did what it was asked. */
    async done(...args: readonly string[]): Promise<Ran> {
      const ran = await run(args);
      if (ran.status !== 0) throw new Error(`${args.join(' ')} ended with ${ran.status}: ${ran.error}`);
      return ran;
    },
    [Symbol.asyncDispose]: () => rm(cwd, { recursive: true, force: true }),
  };
}
