import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EXIT } from '#machines/contract/exit-status.ts';
import type { ReceivedOf } from '#machines/contract/api/route.ts';
import type { Routes } from '#machines/contract/api/routes.ts';
import { WEBHOOK_EVENTS, WEBHOOK_GROUPS } from '#machines/contract/webhook.ts';
import type { Daemon } from '../daemon.ts';
import { ago } from '../decide/ago.ts';
import { badInput, CommandFailure } from '../failure.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { table } from '../output/table.ts';
import { isoTime } from '../output/time.ts';
import { showListOf } from '../output/watched-list.ts';
import { note, paint, say, type Terminal } from '../terminal.ts';

type Hook = ReceivedOf<Routes['listWebhooks']>['items'][number];
type Delivery = ReceivedOf<Routes['listDeliveries']>['items'][number];

const STYLES = { delivered: 'green', waiting: 'yellow', dead: 'red' } as const;
/** The daemon takes 16 characters and more. */
const SECRET_BYTES = 32;

export async function listWebhooks(
  term: Terminal,
  daemon: Daemon,
  options: { readonly output: Format; readonly watch?: boolean },
): Promise<void> {
  await showListOf<Hook>(
    term,
    daemon,
    {
      read: async () => (await daemon.ask('listWebhooks')).value.items,
      kinds: ['machine', 'document', 'attempt', 'grant', 'job'],
      // An answer comes later than what it was sent for.
      everyMs: 5000,
      columns: () => [
        { title: 'URL', of: ({ url }) => url },
        { title: 'DELIVERED', of: ({ delivered }) => delivered },
        {
          title: 'WAITING',
          of: ({ waiting }) => waiting,
          style: ({ waiting }) => (waiting > 0 ? 'yellow' : undefined),
        },
        { title: 'DEAD', of: ({ dead }) => dead, style: ({ dead }) => (dead > 0 ? 'red' : undefined) },
        { title: 'EVENTS', of: ({ events }) => events.join(',') },
      ],
      nameOf: ({ url }) => url,
      none: ['nobody is told', '  next: ingot webhook create URL'],
    },
    options,
  );
}

/** Newest first. */
export async function listDeliveries(
  term: Terminal,
  daemon: Daemon,
  options: { readonly output: Format; readonly limit: number; readonly state?: Delivery['state'] },
): Promise<void> {
  const { limit, state, output } = options;
  const { value } = await daemon.ask('listDeliveries', { query: { limit, ...(state === undefined ? {} : { state }) } });
  if (output !== 'table') return printDocuments(term, output, value.items);
  if (value.items.length === 0) return note(term, 'nothing was sent');
  const now = Date.now();
  say(
    term,
    ...table(
      term,
      [
        { title: 'TIME', of: ({ at }) => isoTime(at) },
        { title: 'EVENT', of: ({ event }) => event },
        { title: 'STATE', of: ({ state: is }) => is, style: ({ state: is }) => STYLES[is] },
        { title: 'TRIES', of: ({ tries }) => tries },
        { title: 'ANSWER', of: ({ status }) => status },
        { title: 'ENDED', of: ({ endedAt }) => ago(endedAt, now) },
        { title: 'URL', of: ({ url }) => url },
        { title: 'WHY', of: ({ because }) => because },
      ],
      value.items,
    ),
  );
}

/** Sends it the event `test`, once; fails where it did not take it. */
export async function testWebhook(term: Terminal, daemon: Daemon, url: string, output: Format): Promise<number> {
  const { value } = await daemon.ask('testWebhook', { body: { url } });
  if (output !== 'table') printDocuments(term, output, value);
  else {
    const answer = value.status === undefined ? '' : `, it answered ${value.status}`;
    const why = value.because === undefined ? '' : `: ${value.because}`;
    say(term, `${url}: ${paint(term, STYLES[value.state], value.state)}${answer}${why}`);
  }
  return value.state === 'delivered' ? EXIT.done : EXIT.failed;
}

/**
 * Makes the secret, and says what to write into the configuration: a webhook is named there and nowhere else, so that
 * whoever got hold of a token cannot have the site tell a stranger what happens in it.
 */
export async function createWebhook(
  term: Terminal,
  url: string,
  { event, secretFile }: { readonly event: readonly string[]; readonly secretFile: string },
): Promise<void> {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw badInput(`got ${url}, want http://… or https://…`);
  const known: readonly string[] = [...WEBHOOK_GROUPS, ...WEBHOOK_EVENTS];
  const strange = event.find((one) => !known.includes(one));
  if (strange !== undefined) throw badInput(`--event: got ${strange}, want ${known.join(', ')}`);
  const file = resolve(term.cwd, secretFile);
  try {
    await writeFile(file, `${randomBytes(SECRET_BYTES).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    if (!exists)
      throw new CommandFailure(
        EXIT.failed,
        `cannot write ${file}: ${cause instanceof Error ? cause.message : String(cause)}`,
      );
    throw new CommandFailure(EXIT.refused, `${file} exists: it stays as it is`, '  next: --secret-file ANOTHER');
  }
  say(
    term,
    'webhooks:',
    `  - url: ${JSON.stringify(url)}`,
    `    secret: { file: ${JSON.stringify(file)} }`,
    `    events: [${(event.length > 0 ? event : ['job', 'attempt', 'machine']).join(', ')}]`,
  );
  note(
    term,
    `the secret is in ${file}: the daemon must be able to read it, and the receiver checks with it who speaks`,
    '  next: put these lines into the daemon’s configuration, restart it, and: ingot webhook test URL',
  );
}
