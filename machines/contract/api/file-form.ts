import { z } from 'zod';
import { credentialDocument } from '../credential.ts';
import { document, DOCUMENT_KINDS } from '../documents.ts';
import { kindOf } from './document-form.ts';

export const isCredentialKind = (text: string): boolean => /^credentials?$/i.test(text);

function asWritten(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  const { status: _status, ...rest } = raw as Record<string, unknown>;
  const { kind: text } = rest;
  if (typeof text !== 'string') return rest;
  const kind = isCredentialKind(text) ? 'Credential' : kindOf(text);
  return kind === undefined ? rest : { ...rest, kind };
}

/** What may stand in a file: documents of the store, and credentials, which are no such documents. */
export const fileDocument = z.preprocess(
  asWritten,
  z.discriminatedUnion('kind', [document, credentialDocument], {
    error: (issue) =>
      issue.code === 'invalid_union' ? `want kind: ${[...DOCUMENT_KINDS, 'Credential'].join(' | ')}` : undefined,
  }),
);
export type FileDocument = z.output<typeof fileDocument>;
