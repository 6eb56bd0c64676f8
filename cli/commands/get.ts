import { COLLECTIONS, kindOf } from '#machines/contract/api/document-form.ts';
import { isCredentialKind } from '#machines/contract/api/file-form.ts';
import { DOCUMENT_ROUTES, type Routes } from '#machines/contract/api/routes.ts';
import { holds, parseSelector, type Term } from '#machines/contract/api/selector.ts';
import type { ReceivedOf } from '#machines/contract/api/route.ts';
import { type Document, DOCUMENT_KINDS, type DocumentKind } from '#machines/contract/documents.ts';
import { formatCidr4, formatIpv4Range } from '#machines/values/cidr.ts';
import { nearest } from '#services/yaml/known-keys.ts';
import { writeDocument } from '#machines/contract/api/document-form.ts';
import type { Daemon } from '../daemon.ts';
import { badInput } from '../failure.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { type Column, table } from '../output/table.ts';
import { isoTime } from '../output/time.ts';
import { showListOf } from '../output/watched-list.ts';
import { note, say, type Terminal } from '../terminal.ts';
import { getCredentials } from './credentials.ts';
import { showList, showMachine } from './machine-show.ts';

export type GetOptions = { readonly output: Format; readonly selector?: string; readonly watch?: boolean };

type Stored = Document & { readonly status: { readonly rev: number } };

export async function get(
  term: Terminal,
  daemon: Daemon,
  what: string,
  name: string | undefined,
  options: GetOptions,
): Promise<void> {
  const isLease = /^leases?$/i.test(what);
  if (options.watch === true && (name !== undefined || isLease || isCredentialKind(what))) {
    throw badInput(
      '--watch: is for lists of documents',
      '  next: ingot get machines --watch, or ingot trace MACHINE --follow',
    );
  }
  if (isLease) return await showLeases(term, daemon, options.output, name);
  if (isCredentialKind(what)) return await getCredentials(term, daemon, name, options);
  const kind = kindOrFail(what, ['leases', 'credentials']);
  if (kind === 'Machine') {
    if (name !== undefined) return await showMachine(term, daemon, name, options.output);
    return await showList(term, daemon, options);
  }
  const terms = termsOf(options.selector);
  if (name !== undefined) {
    const { value } = await daemon.ask(DOCUMENT_ROUTES[kind].get, { params: { name } });
    return printDocuments(term, options.output === 'json' ? 'json' : 'yaml', written(value));
  }
  await showListOf<Stored>(
    term,
    daemon,
    {
      async read() {
        const { value } = await daemon.ask(DOCUMENT_ROUTES[kind].list);
        return (value.items as readonly Stored[]).filter(({ labels }) =>
          terms.every((one) => holds(one, labels[one.key])),
        );
      },
      kinds: ['document'],
      columns: () => [{ title: 'NAME', of: ({ name: own }) => own }, ...COLUMNS],
      nameOf: ({ name: own }) => own,
      written,
      revision: ({ status }) => status.rev,
      none: [`there are no ${COLLECTIONS[kind]}`, `  next: ingot apply -f FILE, with kind: ${kind}`],
    },
    options,
  );
}

/** Columns that a kind does not have stay empty and are not worth a table each: one sentence says what it is. */
const COLUMNS: readonly Column<Stored>[] = [
  { title: 'WHAT', of: sentence },
  {
    title: 'LABELS',
    of: ({ labels }) =>
      Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
  },
];

function sentence(document: Document): string {
  switch (document.kind) {
    case 'Profile':
      return [document.os, document.image, `when ${document.when}`, `writes ${document.writes}`]
        .filter(Boolean)
        .join(', ');
    case 'Class':
      return `profile ${document.profile}, priority ${document.priority}${document.accept ? ', accepts' : ''}`;
    case 'Image':
      return `${document.arch}: ${document.assets.map(({ role }) => role).join(', ')}`;
    case 'Network':
      return [
        ...document.interfaces.map(({ name, mac }) => name ?? mac),
        ...document.bonds.map(({ name }) => name),
      ].join(' ');
    case 'Subnet':
      return `${formatCidr4(document.cidr)} ${document.pools.map(formatIpv4Range).join(' ')} (${document.mode})`;
    case 'Cluster':
      return `Talos ${document.talos}, Kubernetes ${document.kubernetes}, ${document.controlPlane.length} of control plane + ${document.workers.length} workers, ${document.endpoint}`;
    case 'Machine':
      return document.macs.join(' ');
    default:
      return document satisfies never;
  }
}

/** In the form in which it is written in a file. */
const written = ({ status, ...document }: Stored) => ({ ...writeDocument(document), status });

export function kindOrFail(text: string, others: readonly string[] = []): DocumentKind {
  const kind = kindOf(text);
  if (kind) return kind;
  const known = [...Object.values(COLLECTIONS), ...others];
  const close = nearest(text, [...known, ...DOCUMENT_KINDS.map((one) => one.toLowerCase())]);
  throw badInput(`got ${text}, want ${close ? `a kind; did you mean ${close}?` : known.join(' | ')}`);
}

export function termsOf(selector: string | undefined): readonly Term[] {
  const read = parseSelector(selector ?? '');
  if (!read.ok) throw badInput(`-l: ${read.because}`);
  return read.value;
}

type Lease = ReceivedOf<Routes['listLeases']>['items'][number];

async function showLeases(term: Terminal, daemon: Daemon, output: Format, search: string | undefined): Promise<void> {
  const { value } = await daemon.ask('listLeases', { query: search === undefined ? {} : { search } });
  if (output !== 'table') return printDocuments(term, output, value.items);
  if (value.items.length === 0) return note(term, 'no address is leased');
  const columns: readonly Column<Lease>[] = [
    { title: 'ADDRESS', of: ({ address }) => address },
    { title: 'HOLDER', of: ({ key }) => key },
    { title: 'MACHINE', of: ({ machine }) => machine },
    { title: 'HOST NAME', of: ({ hostname }) => hostname },
    { title: 'STATE', of: ({ state }) => state },
    { title: 'UNTIL', of: ({ expiresAt }) => isoTime(expiresAt) },
    { title: 'SUBNET', of: ({ subnet }) => subnet },
  ];
  say(term, ...table(term, columns, value.items));
}
