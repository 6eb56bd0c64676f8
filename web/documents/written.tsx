import { useQuery } from '@tanstack/react-query';
import type { DocumentKind } from '#machines/contract/documents.ts';
import { Code, Failed } from '../look/parts.tsx';
import { stored } from './stored.ts';

/** As the daemon has it at that `rev`. */
export function Written({ kind, name, rev }: { kind: DocumentKind; name: string; rev: number }) {
  const { data, error } = useQuery({ queryKey: ['document', kind, name, rev], queryFn: () => stored(kind, name) });
  if (error) return <Failed error={error} />;
  return data ? <Code>{data.text}</Code> : <p role="status">Reading it…</p>;
}
