import './documents.css';
import { Button, Modal } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useDebouncedValue } from '@mantine/hooks';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { AppliedChange, Difference } from '#machines/contract/api/apply.ts';
import { writeDocument } from '#machines/contract/api/document-form.ts';
import type { Problem } from '#machines/contract/api/problem.ts';
import { DOCUMENT_ROUTES } from '#machines/contract/api/routes.ts';
import type { Document, DocumentKind } from '#machines/contract/documents.ts';
import { answerOf, ask, Refusal } from '../api/daemon.ts';
import { count } from '../look/format.ts';
import { Failed } from '../look/parts.tsx';
import { tell } from '../look/tell.ts';
import { Editor, type EditorHandle } from './editor.tsx';
import { readText, type ReadText, type Wrong, wrongOf } from './read-text.ts';
import { type Stored, stored } from './stored.ts';
import { TEMPLATES, type WritableKind } from './templates.ts';

/** One document as text: written, compared, put in the place of the one that was read, and of no newer one. */
export function DocumentDialog({ kind, name, close }: { kind: DocumentKind; name?: string; close: () => void }) {
  const [base, setBase] = useState<Stored>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    if (name === undefined) {
      if (kind !== 'Subnet') setBase({ text: TEMPLATES[kind], rev: 0 });
      return;
    }
    stored(kind, name).then(setBase, setError);
  }, [kind, name]);
  const what = kind.toLowerCase();
  return (
    <Modal opened onClose={close} size="56rem" title={name === undefined ? `A new ${what}` : `${kind} ${name}`}>
      {error !== undefined && <Failed error={error} />}
      {!base && error === undefined && <p role="status">Reading it…</p>}
      {base && kind === 'Subnet' && (
        <div className="stack">
          <p>
            Subnets are read from the daemon’s configuration file, <code>ingot.yaml</code>. Change it there; the daemon
            reads it anew on SIGHUP, without dropping a transfer.
          </p>
          <Editor label="Document" value={base.text} wrong={[]} readOnly />
        </div>
      )}
      {base && kind !== 'Subnet' && <Write kind={kind} name={name} first={base} close={close} />}
    </Modal>
  );
}

type Compared = { readonly of: string; readonly change: AppliedChange };

function Write({
  kind,
  name,
  first,
  close,
}: {
  kind: WritableKind;
  name: string | undefined;
  first: Stored;
  close: () => void;
}) {
  const [base, setBase] = useState(first);
  const [text, setText] = useState(first.text);
  const [later] = useDebouncedValue(text, 250);
  const [compared, setCompared] = useState<Compared>();
  const [refused, setRefused] = useState<{ readonly of: string; readonly problem: Problem }>();
  const [failed, setFailed] = useState<unknown>();
  const [doing, setDoing] = useState(false);
  const [removes, setRemoves] = useState(false);
  const editor = useRef<EditorHandle>(null);
  const queries = useQueryClient();
  const read = useMemo<ReadText>(
    () => readText(later, { kind, ...(name === undefined ? {} : { name }) }),
    [later, kind, name],
  );
  const isSettled = later === text;
  const problem = refused?.of === text ? refused.problem : undefined;
  const wrong: readonly Wrong[] =
    read.kind === 'wrong' ? read.wrong : problem?.errors ? wrongOf(problem.errors, read.at) : [];
  const shown = compared?.of === text ? compared.change : undefined;

  async function act(work: (document: Document) => Promise<void>): Promise<void> {
    const now = readText(text, { kind, ...(name === undefined ? {} : { name }) });
    if (now.kind === 'wrong') return;
    setDoing(true);
    setFailed(undefined);
    setRefused(undefined);
    try {
      await work(now.document);
    } catch (cause) {
      if (cause instanceof Refusal) setRefused({ of: text, problem: cause.problem });
      else setFailed(cause);
    } finally {
      setDoing(false);
    }
  }

  const compare = (): Promise<void> =>
    act(async (document) => {
      const { changes } = await ask('apply', { body: { documents: [document], dryRun: true } });
      const [change] = changes;
      if (!change) return;
      if (change.problem) throw new Refusal(change.problem);
      setCompared({ of: text, change });
    });

  const put = (): Promise<void> =>
    act(async (document) => {
      await answerOf(DOCUMENT_ROUTES[kind].put, {
        params: { name: document.name },
        body: writeDocument(document),
        expected: base.rev,
      });
      await queries.invalidateQueries();
      tell(`${kind} ${document.name} is ${base.rev === 0 ? 'made' : 'changed'}.`);
      close();
    });

  const remove = (): Promise<void> =>
    act(async (document) => {
      await ask(DOCUMENT_ROUTES[kind].remove, { params: { name: document.name }, expected: base.rev });
      await queries.invalidateQueries();
      tell(`${kind} ${document.name} is removed.`);
      close();
    });

  /** What somebody else wrote meanwhile becomes what mine is compared with: nothing of it goes unseen. */
  async function takeNewest(): Promise<void> {
    if (name === undefined) return;
    setBase(await stored(kind, name));
    setRefused(undefined);
    setCompared(undefined);
  }

  const isUnchanged = text === base.text && base.rev !== 0;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void (shown && shown.change !== 'unchanged' ? put() : compare());
      }}
    >
      <Editor ref={editor} label="Document" value={text} onChange={setText} wrong={wrong} />
      {wrong.length > 0 && (
        <ul className="wrong-list" aria-label="What is wrong">
          {wrong.map((one) => (
            <li key={`${one.line} ${one.text}`}>
              <button type="button" onClick={() => editor.current?.goTo(one.line)}>
                <b>line {one.line}</b>
                <span>{one.text}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {problem?.code === 'stale' ||
      problem?.code === 'rev-needed' ||
      (problem?.code === 'exists' && name === undefined) ? (
        <Stale problem={problem} isNew={name === undefined} take={() => void takeNewest()} />
      ) : (
        problem && !problem.errors && <Failed error={new Refusal(problem)} />
      )}
      {failed !== undefined && <Failed error={failed} />}
      {shown && <Changes of={shown} />}
      {removes && (
        <div className="note" data-tone="bad" role="alert">
          <strong>
            Remove {kind.toLowerCase()} {name}?
          </strong>
          <p>{REMOVED[kind]}</p>
          <div className="row">
            <Button size="xs" variant="default" onClick={() => setRemoves(false)}>
              Keep it
            </Button>
            <Button size="xs" color="red" loading={doing} onClick={() => void remove()}>
              Remove it
            </Button>
          </div>
        </div>
      )}
      <div className="row">
        <Button variant="default" onClick={close}>
          Leave it
        </Button>
        {base.rev !== 0 && kind !== 'Machine' && kind !== 'Cluster' && (
          <Button variant="subtle" color="red" onClick={() => setRemoves(true)}>
            Remove…
          </Button>
        )}
        <span className="soft" role="status">
          {read.kind === 'wrong' && count(wrong.length, 'thing')}
          {read.kind === 'wrong' && ' to put right'}
          {read.kind !== 'wrong' && isUnchanged && 'As the daemon has it.'}
        </span>
        <Button
          type="submit"
          className="spread"
          loading={doing}
          disabled={!isSettled || read.kind === 'wrong' || isUnchanged || shown?.change === 'unchanged'}
        >
          {shown && shown.change !== 'unchanged'
            ? base.rev === 0
              ? 'Make it'
              : 'Apply this change'
            : 'See what changes'}
        </Button>
      </div>
    </form>
  );
}

const REMOVED: Readonly<Record<WritableKind, string>> = {
  Machine: '',
  Cluster: '',
  Profile: 'Machines and classes that name it boot nothing from it any more.',
  Class: 'Machines that it matched fall to the next that matches, or to none.',
  Image: 'Profiles that name it cannot be booted; its files stay until they are collected.',
  Network: 'Machines that name it are without a network intent.',
};

function Stale({ problem, isNew, take }: { problem: Problem; isNew: boolean; take: () => void }) {
  return (
    <div className="note" data-tone="wait" role="alert">
      <strong>{isNew ? 'There is one of this name already.' : 'Somebody else has changed it while you wrote.'}</strong>
      <p>
        {isNew
          ? 'Choose another name, or open that one and edit it.'
          : `Nothing of yours is lost, and nothing of theirs is overwritten${problem.rev === undefined ? '' : ` (it is at rev ${problem.rev})`}.`}
      </p>
      {!isNew && (
        <Button size="xs" variant="default" onClick={take}>
          Compare mine with theirs
        </Button>
      )}
    </div>
  );
}

function Changes({ of: { change, differences, name, because } }: { of: AppliedChange }) {
  if (change === 'unchanged') {
    return (
      <p className="soft" role="status">
        That says the same as before: nothing would change.
      </p>
    );
  }
  return (
    <section aria-label="What changes" className="stack">
      <h3>
        {change === 'created' ? `${name} is new` : `${count(differences.length, 'value')} of ${name} would change`}
      </h3>
      {because !== undefined && <p>{because}</p>}
      {change === 'changed' && (
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- WCAG 2.1.1: what scrolls is reached by keys
        <dl className="changes" tabIndex={0}>
          {differences.map((one) => (
            <One key={one.path} of={one} />
          ))}
        </dl>
      )}
    </section>
  );
}

const One = ({ of: { path, before, after } }: { of: Difference }) => (
  <div>
    <dt>{path}</dt>
    <dd>
      {before !== undefined && <del>{shownValue(before)}</del>}
      {after !== undefined && <ins>{shownValue(after)}</ins>}
    </dd>
  </div>
);

const shownValue = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
