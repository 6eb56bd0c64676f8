import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { EXIT } from '#machines/contract/exit-status.ts';
import { badInput, CommandFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** Options that every command which asks the daemon has. */
export type GlobalOptions = { readonly url?: string; readonly data?: string; readonly config?: string };

export type Where = {
  readonly url: string;
  readonly token: string | undefined;
  /** Where the token is from, for the sentence that says that it was the wrong one. */
  readonly tokenFrom: string;
  /** What to say when the daemon wants a token and none was found. Whether there is a daemon at all comes first. */
  readonly noToken: readonly string[];
};

/** Where a daemon is looked for when nobody says where. */
export const DEFAULT_URL = 'http://127.0.0.1:4680';
const TOKEN_FILE = 'operator.token';

/** Which daemon, and what lets us in: the first place that says so, in the order of the manual. */
export async function findDaemon(options: GlobalOptions, term: Pick<Terminal, 'env' | 'cwd'>): Promise<Where> {
  const text = options.url ?? term.env['INGOT_URL'] ?? DEFAULT_URL;
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) throw badInput(`--url: got ${text}, want a URL such as ${DEFAULT_URL}`);
  const given = term.env['INGOT_TOKEN'] ?? '';
  const found =
    given === '' ? await tokenFromFile(options, term) : { token: given, tokenFrom: 'INGOT_TOKEN', noToken: [] };
  return { url: url.href.replace(/\/+$/, ''), ...found };
}

async function tokenFromFile(options: GlobalOptions, term: Pick<Terminal, 'env' | 'cwd'>): Promise<Omit<Where, 'url'>> {
  const named = await namedDataDir(options, term);
  const places = (named === undefined ? ['data', 'data/demo'] : [named]).map((dir) =>
    join(resolve(term.cwd, dir), TOKEN_FILE),
  );
  for (const place of places) {
    try {
      return { token: (await readFile(place, 'utf8')).trim(), tokenFrom: place, noToken: [] };
    } catch (error) {
      if (codeOf(error) === 'ENOENT') continue;
      throw new CommandFailure(
        EXIT.refused,
        `cannot read ${place}: ${codeOf(error) === 'EACCES' ? 'it belongs to another user' : String(error)}`,
        '  next: sudo ingot …, or set INGOT_TOKEN to a token of your own (ingot token create NAME)',
      );
    }
  }
  return {
    token: undefined,
    tokenFrom: 'nowhere',
    noToken: [
      `no token: looked for ${places.join(' and ')}`,
      '  next: name the data directory of the daemon with --data DIR or INGOT_DATA, or set INGOT_TOKEN',
    ],
  };
}

async function namedDataDir(
  { data, config }: GlobalOptions,
  { env, cwd }: Pick<Terminal, 'env' | 'cwd'>,
): Promise<string | undefined> {
  if (data !== undefined) return data;
  if (config === undefined) return env['INGOT_DATA'];
  const file = resolve(cwd, config);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw badInput(`${config}: cannot be read (${codeOf(error) ?? String(error)})`);
  }
  // The daemon judges its configuration; here only this one setting matters.
  const read = parse(text, { logLevel: 'silent' }) as { dataDir?: unknown } | null;
  return resolve(dirname(file), typeof read?.dataDir === 'string' ? read.dataDir : 'data');
}

export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
