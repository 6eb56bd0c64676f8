import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { EXIT } from '#machines/contract/exit-status.ts';
import { type Context, readContexts } from './contexts.ts';
import { badInput, CommandFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** Options that every command which asks the daemon has. */
export type GlobalOptions = {
  readonly url?: string;
  readonly data?: string;
  readonly config?: string;
  readonly context?: string;
};

export type Where = {
  readonly url: string;
  /** The context that says so. */
  readonly context?: string;
  readonly token: string | undefined;
  /** Where the token is from, for the sentence that says that it was the wrong one. */
  readonly tokenFrom: string;
  /** What to say when the daemon wants a token and none was found. Whether there is a daemon at all comes first. */
  readonly noToken: readonly string[];
  /** By what certificates are known, the daemon's and ours; absent: by whom this machine trusts. All but `pin` are files. */
  readonly trust?: Pick<Context, 'pin' | 'ca' | 'certificate' | 'key'>;
};

/** Where a daemon is looked for when nobody says where. */
export const DEFAULT_URL = 'http://127.0.0.1:4680';
const TOKEN_FILE = 'operator.token';
/** Of the key of a daemon that made its own certificate. */
const PIN_FILE = 'api.pin';

/** Which daemon, and what lets us in: the first place that says so, in the order of the manual. */
export async function findDaemon(options: GlobalOptions, term: Pick<Terminal, 'env' | 'cwd'>): Promise<Where> {
  const context = await chosenContext(options, term);
  const text =
    options.url ?? (options.context === undefined ? term.env['INGOT_URL'] : undefined) ?? context?.url ?? DEFAULT_URL;
  const parsedUrl = URL.parse(text);
  if (!parsedUrl || !/^https?:$/.test(parsedUrl.protocol)) {
    throw badInput(`--url: got ${text}, want a URL such as ${DEFAULT_URL}`);
  }
  const url = parsedUrl.href.replace(/\/+$/, '');
  // What lets us in at one daemon is never shown to another one.
  const its = context !== undefined && new URL(context.url).origin === parsedUrl.origin ? context : undefined;
  const trust = its && trustOf(its);
  const given = term.env['INGOT_TOKEN'] ?? '';
  const rest = { url, ...(trust ? { trust } : {}), ...(its ? { context: its.name } : {}) };
  if (given !== '' && options.context === undefined)
    return { ...rest, token: given, tokenFrom: 'INGOT_TOKEN', noToken: [] };
  if (its?.token !== undefined) return { ...rest, token: its.token, tokenFrom: `context ${its.name}`, noToken: [] };
  if (its?.certificate !== undefined)
    return { ...rest, token: undefined, tokenFrom: its.certificate, noToken: notTaken(its) };
  return { ...rest, ...(await tokenFromFile(options, term)) };
}

export const trustOf = ({ pin, ca, certificate, key }: Partial<Context>): NonNullable<Where['trust']> => ({
  ...(pin === undefined ? {} : { pin }),
  ...(ca === undefined ? {} : { ca }),
  ...(certificate === undefined ? {} : { certificate }),
  ...(key === undefined ? {} : { key }),
});

const notTaken = ({ certificate = '' }: Context): readonly string[] => [
  `the daemon does not take the certificate in ${certificate}`,
  '  next: an admin says whose it is: ingot user change NAME --certificate SHA256 (and api.tls.clients: true)',
];

/** The context that is named, or the current one unless a data directory is named: who names one means its daemon. */
async function chosenContext(
  { context: name, data, config }: GlobalOptions,
  term: Pick<Terminal, 'env' | 'cwd'>,
): Promise<Context | undefined> {
  if (name === undefined && (data ?? config ?? term.env['INGOT_DATA']) !== undefined) return undefined;
  const { current, contexts } = await readContexts(term);
  const found = contexts.find((one) => one.name === (name ?? current));
  if (!found && name !== undefined) {
    throw new CommandFailure(EXIT.notFound, `there is no context ${name}`, '  next: ingot context list');
  }
  return found;
}

async function tokenFromFile(options: GlobalOptions, term: Pick<Terminal, 'env' | 'cwd'>): Promise<Omit<Where, 'url'>> {
  const named = await namedDataDir(options, term);
  const places = (named === undefined ? ['data', 'data/demo'] : [named]).map((dir) =>
    join(resolve(term.cwd, dir), TOKEN_FILE),
  );
  for (const place of places) {
    try {
      const token = (await readFile(place, 'utf8')).trim();
      const pin = await readFile(join(dirname(place), PIN_FILE), 'utf8').catch(() => undefined);
      return { token, tokenFrom: place, noToken: [], ...(pin === undefined ? {} : { trust: { pin: pin.trim() } }) };
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
