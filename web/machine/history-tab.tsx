import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { useAsk } from '../api/queries.ts';
import { duration, when } from '../look/format.ts';
import { type Tone, VERDICT_NAMES } from '../look/machine-state.ts';
import { Card, Claimed, Empty } from '../look/parts.tsx';
import { jobTone } from '../jobs/job-state.ts';
import { auditText } from '../audit/audit-text.ts';
import { useSession } from '../shell/session.ts';

type Entry = { readonly key: string; readonly at: number; readonly tone: Tone; readonly text: ReactNode };

const MAX_SHOWN = 300;

/** Boots, jobs and what people did, newest first. */
export function HistoryTab({ machine }: { machine: MachineResource }) {
  const { name } = machine;
  const { may } = useSession();
  const attempts = useAsk('listAttempts', { query: { machine: name, limit: 200 } }).data?.items ?? [];
  const jobs = useAsk('listJobs', { query: { machine: name, limit: 200 } }).data?.items ?? [];
  const audit = useAsk('listAudit', { query: { limit: 1000 } }, { enabled: may('admin') }).data?.items ?? [];
  const mine = audit.filter(({ target }) => target.split(/[\s,]+/).includes(name));
  const entries: readonly Entry[] = [
    ...attempts.map(
      (one) =>
        ({
          key: one.id,
          at: one.startedAt,
          tone: one.verdict.code === 'booted' ? 'good' : one.verdict.code === 'in-progress' ? 'busy' : 'bad',
          text: (
            <>
              <Link to="/machines/$name" params={{ name }} search={{ tab: 'boot', attempt: one.id }}>
                Boot: {VERDICT_NAMES[one.verdict.code]}
              </Link>{' '}
              <span className="soft">
                {duration(one.lastAt - one.startedAt)}. <Claimed>{one.verdict.cause}</Claimed>
              </span>
            </>
          ),
        }) satisfies Entry,
    ),
    ...jobs.map((one) => ({
      key: one.id,
      at: one.createdAt,
      tone: jobTone(one.state),
      text: (
        <>
          <Link to="/jobs/$id" params={{ id: one.id }}>
            Job: {one.kind} {one.state}
          </Link>{' '}
          <span className="soft">
            by {one.by}. {one.result && <Claimed>{one.result.because}</Claimed>}
          </span>
        </>
      ),
    })),
    ...mine.map((one) => ({
      key: `${one.at} ${one.action}`,
      at: one.at,
      tone: 'quiet' as const,
      text: (
        <>
          {auditText(one)} <span className="soft">by {one.who}</span>
        </>
      ),
    })),
  ].toSorted((one, other) => other.at - one.at);
  if (entries.length === 0) {
    return (
      <Card>
        <Empty title="Nothing has happened yet">
          <p>Boots, jobs and what people change are kept here.</p>
        </Empty>
      </Card>
    );
  }
  return (
    <Card title="History" aside={<span className="soft">boots, jobs and what people did, newest first</span>}>
      <ol className="history">
        {entries.slice(0, MAX_SHOWN).map(({ key, at, tone, text }) => (
          <li key={key} data-tone={tone}>
            <time dateTime={new Date(at).toISOString()}>{when(at)}</time>
            <span className="lamp" aria-hidden="true" />
            <span>{text}</span>
          </li>
        ))}
      </ol>
    </Card>
  );
}
