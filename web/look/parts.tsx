import type { ReactNode } from 'react';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { terminal } from '#machines/values/escape.ts';
import { ago, when } from './format.ts';
import { type Standing, STAGE_NAMES, type Tone, trackOf } from './machine-state.ts';
import { useNow } from './now.ts';
import { problemOf } from '../api/daemon.ts';

/** A status: a lamp and its word. Never one without the other. */
export function StateMark({ tone, pill, children }: { tone: Tone; pill?: boolean; children: ReactNode }) {
  return (
    <span className={pill ? 'state pill' : 'state'} data-tone={tone}>
      <span className="lamp" aria-hidden="true" />
      {children}
    </span>
  );
}

export function Track({ machine, standing }: { machine: MachineResource; standing: Standing }) {
  const { attempt } = machine.status;
  const marks = trackOf(machine, standing);
  const label = attempt
    ? `boot: came to ${STAGE_NAMES[attempt.stage]}, part ${marks.findLastIndex((mark) => mark !== '') + 1} of 6`
    : 'no boot seen';
  return (
    <span className="track" data-tone={standing.tone} role="img" aria-label={label}>
      {marks.map((mark, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- six parts that never move
        <i key={index} data-mark={mark} />
      ))}
    </span>
  );
}

/** What a machine says of itself: shown as it is, and it cannot turn the text around it. */
export const Claimed = ({ children, mono }: { children: string; mono?: boolean }) => (
  <bdi className={mono ? 'claimed mono' : 'claimed'}>{terminal(children)}</bdi>
);

export const Mono = ({ children }: { children: ReactNode }) => <span className="mono">{children}</span>;

export function Ago({ at }: { at: number }) {
  const now = useNow();
  return (
    <time dateTime={new Date(at).toISOString()} title={when(at)}>
      {ago(at, now)}
    </time>
  );
}

export function Card({
  title,
  aside,
  children,
  className = '',
}: {
  title?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={`card ${className}`}>
      {title !== undefined && (
        <header>
          <h2>{title}</h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}

/** The head of a screen: what it is, and what can be done on it. */
export function ScreenHead({ title, about, children }: { title: ReactNode; about?: ReactNode; children?: ReactNode }) {
  return (
    <div className="screen-head">
      <div>
        <h1>{title}</h1>
        {about !== undefined && <p className="soft">{about}</p>}
      </div>
      {children !== undefined && <div className="row spread">{children}</div>}
    </div>
  );
}

export function Failed({ error }: { error: unknown }) {
  const { title, detail, next } = problemOf(error);
  return (
    <div className="note" data-tone="bad" role="alert">
      <strong>{detail ?? title}</strong>
      {next !== undefined && <p>Next: {next}</p>}
    </div>
  );
}

/** Nothing is there yet: says what comes next. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Bar({ part, label, tone }: { part: number; label: string; tone?: Tone }) {
  const percent = Math.round(Math.min(1, Math.max(0, part)) * 100);
  return (
    <div
      className="bar"
      data-tone={tone}
      role="progressbar"
      aria-label={label}
      aria-valuenow={percent}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <span style={{ width: `${percent}%` }} />
    </div>
  );
}

/** Pairs of a word and its value; what is not known is left out. */
export function Pairs({ of }: { of: readonly (readonly [string, ReactNode])[] }) {
  const known = of.filter(([, value]) => value !== undefined && value !== null && value !== '');
  return (
    <dl className="pairs">
      {known.map(([word, value]) => (
        <div key={word} style={{ display: 'contents' }}>
          <dt>{word}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What may be wider than its place: it scrolls by itself, so that the page does not, and keys reach it. */
export const Wide = ({
  label,
  className = '',
  children,
}: {
  label: string;
  className?: string;
  children: ReactNode;
}) => (
  // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- WCAG 2.1.1: what scrolls is reached by keys
  <div className={`scroll ${className}`} tabIndex={0} role="group" aria-label={label}>
    {children}
  </div>
);

/** Lines of code or of a file; the same holds for them. */
export const Code = ({ children }: { children: ReactNode }) => (
  // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- WCAG 2.1.1: what scrolls is reached by keys
  <pre className="code" tabIndex={0}>
    {children}
  </pre>
);
