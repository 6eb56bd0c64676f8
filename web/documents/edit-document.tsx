import { Button } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import type { DocumentKind } from '#machines/contract/documents.ts';
import { useSession } from '../shell/session.ts';

const DocumentDialog = lazy(async () => ({ default: (await import('./document-dialog.tsx')).DocumentDialog }));

/** Opens a document as text; without a name, a new one of that kind. */
export function EditDocument({
  kind,
  name,
  text = 'Edit…',
  size = 'xs',
}: {
  kind: DocumentKind;
  name?: string;
  text?: string;
  size?: 'xs' | 'sm';
}) {
  const { may } = useSession();
  const [isOpen, setOpen] = useState(false);
  if (!may('operator') && kind !== 'Subnet') return null;
  return (
    <>
      <Button
        variant="default"
        size={size}
        onClick={() => setOpen(true)}
        {...(name === undefined ? {} : { 'aria-label': `${text} ${kind.toLowerCase()} ${name}` })}
      >
        {text}
      </Button>
      {isOpen && (
        <Suspense>
          <DocumentDialog kind={kind} {...(name === undefined ? {} : { name })} close={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
