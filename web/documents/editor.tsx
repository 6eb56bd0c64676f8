import './documents.css';
import { type KeyboardEvent, useImperativeHandle, useRef, type Ref } from 'react';
import type { Wrong } from './read-text.ts';

export type EditorHandle = { readonly goTo: (line: number) => void };

/**
 * A place to type a document. A textarea, with its lines numbered: an editor of a hundred times its size would colour the
 * words, and what is wrong is shown at its line without it. Tab leaves it, as everywhere on the page.
 */
export function Editor({
  label,
  value,
  onChange,
  wrong,
  readOnly = false,
  ref,
}: {
  label: string;
  value: string;
  onChange?: (text: string) => void;
  wrong: readonly Wrong[];
  readOnly?: boolean;
  ref?: Ref<EditorHandle>;
}) {
  const area = useRef<HTMLTextAreaElement>(null);
  const lines = value.split('\n');
  const at = new Set(wrong.map(({ line }) => line));
  useImperativeHandle(ref, () => ({
    goTo(line) {
      const element = area.current;
      if (!element) return;
      const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
      element.focus();
      element.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
    },
  }));
  return (
    <div className="editor">
      <ol aria-hidden="true">
        {lines.map((_, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- a line is its number
          <li key={index} data-wrong={at.has(index + 1) ? '' : undefined}>
            {index + 1}
          </li>
        ))}
      </ol>
      <textarea
        ref={area}
        aria-label={label}
        aria-invalid={wrong.length > 0}
        value={value}
        rows={lines.length}
        wrap="off"
        readOnly={readOnly}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        onChange={({ currentTarget }) => onChange?.(currentTarget.value)}
        onKeyDown={indented}
      />
    </div>
  );
}

/** A new line begins where the one before it began. By the browser's own command, so that Ctrl-Z still goes back. */
function indented(event: KeyboardEvent<HTMLTextAreaElement>): void {
  if (event.key !== 'Enter' || event.ctrlKey || event.metaKey || event.currentTarget.readOnly) return;
  const { value, selectionStart } = event.currentTarget;
  const line = value.slice(value.lastIndexOf('\n', selectionStart - 1) + 1, selectionStart);
  const indent = /^ */.exec(line)?.[0] ?? '';
  if (indent === '') return;
  // oxlint-disable-next-line typescript/no-deprecated -- nothing else writes into a field and can be undone
  if (document.execCommand('insertText', false, `\n${indent}`)) event.preventDefault();
}
