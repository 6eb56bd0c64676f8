import { lazy, Suspense } from 'react';
import type { DocumentKind } from '#machines/contract/documents.ts';

const Written = lazy(async () => ({ default: (await import('./written.tsx')).Written }));

/** A document as it is written in a file. YAML comes when it is asked for. */
export const DocumentText = (parts: { kind: DocumentKind; name: string; rev: number }) => (
  <Suspense fallback={<p role="status">Reading it…</p>}>
    <Written {...parts} />
  </Suspense>
);
