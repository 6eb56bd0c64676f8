import { resolve } from 'node:path';
import { EXIT } from '#machines/contract/exit-status.ts';
import { askSecret } from '../ask.ts';
import { type Context, type Contexts, readContexts, withContext, writeContexts } from '../contexts.ts';
import { daemonAt, type Daemon } from '../daemon.ts';
import { badInput, CommandFailure } from '../failure.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { table } from '../output/table.ts';
import { isoTime } from '../output/time.ts';
import { openPinned, plainFingerprint, WrongCertificate } from '../pinned-fetch.ts';
import { note, say, type Terminal } from '../terminal.ts';
import { findDaemon, type GlobalOptions } from '../where.ts';

export type LoginOptions = {
  readonly user?: string;
  readonly token?: boolean;
  readonly name?: string;
  readonly fingerprint?: string;
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly passwordStdin?: boolean;
};

/** Logs in with a password, or with a token that is given, and keeps it in a context. */
export async function logInto(
  term: Terminal,
  globals: GlobalOptions,
  address: string | undefined,
  { user, token, name, fingerprint, ca, certificate, key, passwordStdin }: LoginOptions,
): Promise<void> {
  const wantsUrl = address === undefined ? globals : { ...globals, url: address };
  const { url } = await findDaemon(wantsUrl, term);
  if ((certificate === undefined) !== (key === undefined)) throw badInput('want --certificate and --key, or none');
  const trust = {
    ...(await certificateOf(term, url, { fingerprint, ca })),
    ...(certificate === undefined || key === undefined
      ? {}
      : { certificate: resolve(term.cwd, certificate), key: resolve(term.cwd, key) }),
  };
  const secret = certificate === undefined ? await secretOf(term, { user, token, passwordStdin }) : undefined;
  const daemon = (bearer: string | undefined): Daemon =>
    daemonAt({ url, token: bearer, tokenFrom: 'what was typed', noToken: [], trust }, term.signal);
  const bearer =
    user === undefined || secret === undefined
      ? secret
      : (await daemon(undefined).ask('login', { body: { name: user, password: secret, bearer: true } })).value.secret;
  if (bearer === undefined && certificate === undefined)
    throw new CommandFailure(EXIT.failed, 'the daemon gave no session');
  const { value: who } = await daemon(bearer).ask('whoAmI');
  const context: Context = {
    name: name ?? new URL(url).host,
    url,
    ...(bearer === undefined ? {} : { token: bearer }),
    ...trust,
  };
  const path = await writeContexts(term, withContext(await readContexts(term), context));
  const until = who.expiresAt === undefined ? '' : `, until ${isoTime(who.expiresAt) ?? ''}`;
  say(term, `${who.name} (${who.role}) at ${url}${until}`);
  note(term, `context ${context.name} is in ${path}, for you alone; the others: ingot context list`);
}

/** By what the daemon's certificate is known from now on. */
async function certificateOf(
  term: Terminal,
  url: string,
  { fingerprint, ca }: { readonly fingerprint: string | undefined; readonly ca: string | undefined },
): Promise<Pick<Context, 'pin' | 'ca'>> {
  const at = new URL(url);
  if (at.protocol !== 'https:') {
    if (fingerprint !== undefined || ca !== undefined) throw badInput('--fingerprint and --ca are for https:// only');
    return {};
  }
  if (ca !== undefined) return { ca: resolve(term.cwd, ca) };
  if (fingerprint === undefined) return {};
  if (!/^[0-9a-f]{64}$/.test(plainFingerprint(fingerprint))) {
    throw badInput(`--fingerprint: got ${fingerprint}, want the SHA-256 that ingot serve prints, 64 digits`);
  }
  // The key outlives its certificate: that is what is kept.
  const { socket, shown } = await openPinned(at, { fingerprint }, term.signal).catch((error: unknown) => {
    if (!(error instanceof WrongCertificate)) throw unreachable(url, error);
    throw new CommandFailure(
      EXIT.refused,
      `${error.message}; nothing was sent`,
      '  next: compare it with what ingot serve printed, or openssl x509 -fingerprint -sha256',
    );
  });
  socket.destroy();
  return { pin: shown.pin };
}

const unreachable = (url: string, error: unknown): CommandFailure =>
  new CommandFailure(
    EXIT.daemonUnreachable,
    `no daemon answers at ${url}: ${error instanceof Error ? error.message : String(error)}`,
  );

async function secretOf(
  term: Terminal,
  { user, token, passwordStdin }: { readonly [K in 'user' | 'token' | 'passwordStdin']: LoginOptions[K] | undefined },
): Promise<string> {
  if (user !== undefined && token === true) throw badInput('--user and --token: want one of them');
  if (passwordStdin === true || !term.interactive) return (await term.readInput()).replace(/\r?\n$/, '');
  return await askSecret(term, user === undefined ? 'Token: ' : `Password of ${user}: `);
}

/** Ends the session of the current context, and forgets it. */
export async function logOut(term: Terminal, daemon: Daemon, globals: GlobalOptions): Promise<void> {
  const contexts = await readContexts(term);
  const current = chosen(contexts, globals.context);
  if (!current) throw new CommandFailure(EXIT.notFound, 'there is no context to log out of');
  const answer = await daemon.attempt('logout');
  if ('problem' in answer) note(term, `the daemon: ${answer.problem.title}`);
  await writeContexts(term, without(contexts, current.name));
  say(term, `logged out of ${current.name}`);
}

const chosen = ({ current, contexts }: Contexts, name: string | undefined): Context | undefined =>
  contexts.find((one) => one.name === (name ?? current));

const without = ({ current, contexts }: Contexts, name: string): Contexts => ({
  ...(current === undefined || current === name ? {} : { current }),
  contexts: contexts.filter((one) => one.name !== name),
});

export async function listContexts(term: Terminal, output: Format): Promise<void> {
  const { current, contexts } = await readContexts(term);
  // A secret is not shown because somebody looks which daemons there are.
  const shown = contexts.map(({ token, ...rest }) => ({
    ...rest,
    current: rest.name === current,
    token: token === undefined ? 'none' : '***',
  }));
  if (output !== 'table') return printDocuments(term, output, shown);
  if (shown.length === 0)
    return note(
      term,
      'there is no context: commands ask the daemon that --url or INGOT_URL names, else the one on this machine',
      '  next: ingot login URL --user NAME',
    );
  say(
    term,
    ...table(
      term,
      [
        { title: '', of: (one) => (one.current ? '*' : '') },
        { title: 'NAME', of: ({ name }) => name },
        { title: 'URL', of: ({ url }) => url },
        {
          title: 'TRUST',
          of: ({ pin, ca, url }) =>
            pin !== undefined ? 'pinned' : (ca ?? (url.startsWith('https') ? 'system' : 'none')),
        },
        { title: 'TOKEN', of: ({ token }) => token },
      ],
      shown,
    ),
  );
}

export async function useContext(term: Terminal, name: string): Promise<void> {
  const contexts = await readContexts(term);
  if (!chosen(contexts, name)) throw unknown(contexts, name);
  await writeContexts(term, { ...contexts, current: name });
  say(term, name);
}

export async function removeContext(term: Terminal, name: string): Promise<void> {
  const contexts = await readContexts(term);
  if (!chosen(contexts, name)) throw unknown(contexts, name);
  await writeContexts(term, without(contexts, name));
  say(term, `${name}: removed; its token is still valid until it ends or is removed (ingot token remove)`);
}

const unknown = ({ contexts }: Contexts, name: string): CommandFailure =>
  new CommandFailure(
    EXIT.notFound,
    `there is no context ${name}`,
    `  next: ${contexts.length === 0 ? 'ingot login URL --user NAME' : `one of ${contexts.map((one) => one.name).join(', ')}`}`,
  );
