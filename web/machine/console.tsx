import '@xterm/xterm/css/xterm.css';
import { Button } from '@mantine/core';
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { useEffect, useRef, useState } from 'react';
import { ask, openStream, problemOf } from '../api/daemon.ts';
import { MONOSPACE } from '../look/theme.ts';

type State =
  | { readonly kind: 'opening' | 'open' | 'closed' }
  | { readonly kind: 'failed'; readonly why: string; readonly next: string | undefined };

/** Bytes as they come; the terminal in the page is the one that the machine draws on. */
export function Console({ name, leave }: { name: string; leave: () => void }) {
  const place = useRef<HTMLDivElement>(null);
  const [state, setState] = useState<State>({ kind: 'opening' });
  const [run, setRun] = useState(0);

  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const gone = new AbortController();
    const term = new Terminal({
      fontFamily: MONOSPACE,
      fontSize: 13,
      scrollback: 5000,
      cursorBlink: true,
      screenReaderMode: true,
      theme: { background: '#12110e', foreground: '#ece7de', cursor: '#f2a55d' },
    });
    const fit = new FitAddon();
    term.loadAddon(fit);
    term.open(element);
    fit.fit();
    term.focus();
    const resized = new ResizeObserver(() => fit.fit());
    resized.observe(element);
    setState({ kind: 'opening' });
    void show(name, term, gone.signal, setState);
    return () => {
      gone.abort();
      resized.disconnect();
      term.dispose();
    };
  }, [name, run]);

  return (
    <div className="stack">
      <div className="row">
        <span role="status" className="soft">
          {STATE_TEXT[state.kind]}
        </span>
        <span className="row spread">
          {(state.kind === 'closed' || state.kind === 'failed') && (
            <Button size="xs" onClick={() => setRun(run + 1)}>
              Open again
            </Button>
          )}
          <Button size="xs" variant="default" onClick={leave}>
            Close the console
          </Button>
        </span>
      </div>
      {state.kind === 'failed' && (
        <div className="note" data-tone="bad" role="alert">
          <strong>{state.why}</strong>
          {state.next !== undefined && <p>Next: {state.next}</p>}
        </div>
      )}
      <div className="console-place" ref={place} />
      <p className="soft">
        It shows what the machine writes from now on; press Enter to be answered. Tab and Escape go to the machine,
        Shift-Tab leaves the console.
      </p>
    </div>
  );
}

const STATE_TEXT = {
  opening: 'Opening the console…',
  open: 'The console is open.',
  closed: 'Its BMC closed the console.',
  failed: 'The console could not be opened.',
} as const;

async function show(name: string, term: Terminal, signal: AbortSignal, tell: (state: State) => void): Promise<void> {
  try {
    const { headers, body } = await openStream('openConsole', { params: { name } }, signal);
    const id = headers.get('ingot-console') ?? '';
    tell({ kind: 'open' });
    term.attachCustomKeyEventHandler((event) => !(event.key === 'Tab' && event.shiftKey));
    typing(term, id, signal, tell);
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      term.write(value);
    }
    tell({ kind: 'closed' });
  } catch (error) {
    if (signal.aborted) return;
    const { title, detail, next } = problemOf(error);
    tell({ kind: 'failed', why: detail ?? title, next });
  }
}

/** Keys go in the order in which they were typed: one request at a time, with all that was typed meanwhile. */
function typing(term: Terminal, id: string, signal: AbortSignal, tell: (state: State) => void): void {
  let waiting = '';
  let isSending = false;
  async function send(): Promise<void> {
    if (isSending || waiting === '') return;
    isSending = true;
    const typed = waiting;
    waiting = '';
    try {
      await ask('typeIntoConsole', { params: { id }, body: new TextEncoder().encode(typed) }, signal);
    } catch (error) {
      const { title, detail, next } = problemOf(error);
      if (!signal.aborted) tell({ kind: 'failed', why: detail ?? title, next });
    }
    isSending = false;
    await send();
  }
  term.onData((text) => {
    waiting += text;
    void send();
  });
}
