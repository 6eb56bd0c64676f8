import { z } from 'zod';
import { sentCredential } from '../credential.ts';
import { formatCidr4, formatIpv4Range } from '../../values/cidr.ts';
import {
  classDocument,
  clusterDocument,
  type Document,
  DOCUMENT_KINDS,
  type DocumentKind,
  imageDocument,
  machineDocument,
  networkDocument,
  profileDocument,
  subnetDocument,
} from '../documents.ts';

/** The collection of each kind in the API: `/api/v1/machines`. */
export const COLLECTIONS = {
  Machine: 'machines',
  Profile: 'profiles',
  Class: 'classes',
  Subnet: 'subnets',
  Image: 'images',
  Network: 'networks',
  Cluster: 'clusters',
} as const satisfies Record<DocumentKind, string>;

/** Case-blind, singular or plural: `machine`, `Machines`. */
export function kindOf(text: string): DocumentKind | undefined {
  const lower = text.toLowerCase();
  return DOCUMENT_KINDS.find((kind) => lower === kind.toLowerCase() || lower === COLLECTIONS[kind]);
}

/** `status` is what the daemon knows, never what somebody wants: `get -o yaml | apply -f -` must round-trip. */
function asDocument(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  const { status: _status, ...rest } = raw as Record<string, unknown>;
  const kind = typeof rest['kind'] === 'string' ? kindOf(rest['kind']) : undefined;
  return kind ? { ...rest, kind } : rest;
}

const DOCUMENT_SCHEMAS = [
  machineDocument,
  profileDocument,
  classDocument,
  subnetDocument,
  imageDocument,
  networkDocument,
  clusterDocument,
] as const;

/** One document as people write it: any spelling of its kind, a `status` that is ignored. */
export const documentInput = z
  .preprocess(
    asDocument,
    z.discriminatedUnion('kind', DOCUMENT_SCHEMAS, {
      error: (issue) => (issue.code === 'invalid_union' ? `want kind: ${DOCUMENT_KINDS.join(' | ')}` : undefined),
    }),
  )
  .meta({ id: 'Document' });

/** What `apply` takes: documents, and credentials with the secrets that go with them. */
export const appliedInput = z
  .preprocess(
    (raw) => {
      const document = asDocument(raw);
      const isCredential =
        typeof document === 'object' &&
        document !== null &&
        'kind' in document &&
        /^credentials?$/i.test(String(document.kind));
      return isCredential ? { ...document, kind: 'Credential' } : document;
    },
    z.discriminatedUnion('kind', [...DOCUMENT_SCHEMAS, sentCredential], {
      error: (issue) =>
        issue.code === 'invalid_union' ? `want kind: ${DOCUMENT_KINDS.join(' | ')} | Credential` : undefined,
    }),
  )
  .meta({ id: 'AppliedDocument' });

/** The same for a route whose path already says the kind. */
export const inputOf = <S extends z.ZodType>(schema: S) => z.preprocess(asDocument, schema);

/** A document in the form in which it is written: what `documentInput` reads back to the same value. */
export type WrittenDocument = { readonly kind: DocumentKind; readonly name: string } & Readonly<
  Record<string, unknown>
>;

export function writeDocument(document: Document): WrittenDocument {
  if (document.kind !== 'Subnet') return document;
  return { ...document, cidr: formatCidr4(document.cidr), pools: document.pools.map(formatIpv4Range) };
}
