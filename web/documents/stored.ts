import { DOCUMENT_ROUTES } from '#machines/contract/api/routes.ts';
import type { DocumentKind } from '#machines/contract/documents.ts';
import { answerOf } from '../api/daemon.ts';
import { textOf } from './read-text.ts';

/** How the daemon has it now; `rev` 0: it has none of this name. */
export type Stored = { readonly text: string; readonly rev: number };

export async function stored(kind: DocumentKind, name: string): Promise<Stored> {
  const { value, rev } = await answerOf(DOCUMENT_ROUTES[kind].get, { params: { name } });
  const { status: _status, ...document } = value;
  return { text: textOf(document), rev: rev ?? 0 };
}
