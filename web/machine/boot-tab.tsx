import { Anchor, Select } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { asTraceEvent, type AttemptResource } from '#machines/contract/api/trace-resource.ts';
import type { TraceEvent } from '#machines/contract/trace.ts';
import { eventLine } from '#machines/decide/trace-text.ts';
import { useFleet } from '../api/fleet.ts';
import { useAsk } from '../api/queries.ts';
import { capital, duration, when } from '../look/format.ts';
import { standingOf, type Tone, VERDICT_NAMES } from '../look/machine-state.ts';
import { Ago, Card, Claimed, Code, Empty, StateMark } from '../look/parts.tsx';
import { waterfallOf } from './waterfall.ts';

/** A boot as a waterfall, what came of it on top. */
export function BootTab({ machine, attempt: chosen }: { machine: MachineResource; attempt: string | undefined }) {
  const { data } = useAsk('listAttempts', { query: { machine: machine.name, limit: 50 } });
  const navigate = useNavigate({ from: '/machines/$name' });
  const newest = machine.status.attempt;
  const listed = data?.items.find(({ id }) => id === chosen);
  const attempt = chosen === undefined || chosen === newest?.id ? newest : (listed ?? newest);
  if (!attempt) return <NeverBooted machine={machine} />;
  const others = data?.items ?? [attempt];
  return (
    <div className="stack">
      <VerdictCard attempt={attempt} machine={machine} isNewest={attempt.id === newest?.id} />
      <Card
        title="Where the time went"
        aside={
          <>
            <span className="soft">
              {when(attempt.startedAt)}, {duration(attempt.lastAt - attempt.startedAt)}
            </span>
            <span className="row spread">
              {others.length > 1 && (
                <Select
                  size="xs"
                  aria-label="Which boot"
                  w={280}
                  allowDeselect={false}
                  value={attempt.id}
                  onChange={(id) => void navigate({ search: { tab: 'boot', ...(id === null ? {} : { attempt: id }) } })}
                  data={others.map((one) => ({
                    value: one.id,
                    label: `${when(one.startedAt)}: ${VERDICT_NAMES[one.verdict.code]}`,
                  }))}
                />
              )}
              <Anchor size="sm" href={`/api/v1/attempts/${attempt.id}/pcap`} download={`${machine.name}.pcap`}>
                Packets (pcap)
              </Anchor>
            </span>
          </>
        }
      >
        <Timeline attempt={attempt} />
      </Card>
    </div>
  );
}

const tones: Readonly<Record<string, Tone>> = { booted: 'good', 'in-progress': 'busy', 'not-accepted': 'wait' };

function VerdictCard({
  attempt,
  machine,
  isNewest,
}: {
  attempt: AttemptResource;
  machine: MachineResource;
  isNewest: boolean;
}) {
  const { jobs } = useFleet();
  const { code, cause, next } = attempt.verdict;
  const tone = isNewest ? standingOf(machine, jobs.get(machine.name)).tone : (tones[code] ?? 'bad');
  return (
    <section className="verdict" data-tone={tone} aria-label="Verdict">
      <h2>
        <StateMark tone={tones[code] ?? 'bad'}>{capital(VERDICT_NAMES[code])}</StateMark>
        <span className="soft">
          {isNewest ? 'the newest boot' : 'an earlier boot'}, <Ago at={attempt.startedAt} />
        </span>
      </h2>
      <p>
        <Claimed>{cause}</Claimed>
      </p>
      <p className="next">
        <b>Next</b>
        <Claimed>{next}</Claimed>
      </p>
    </section>
  );
}

/** The events of an attempt: what is new is read when the attempt has changed. */
function useEvents(attempt: AttemptResource): readonly TraceEvent[] {
  const { data } = useAsk('listEvents', { params: { id: attempt.id } });
  return useMemo(() => (data?.items ?? []).map(asTraceEvent), [data]);
}

function Timeline({ attempt }: { attempt: AttemptResource }) {
  const events = useEvents(attempt);
  const rows = useMemo(() => waterfallOf(events), [events]);
  const total = Math.max(1, ...rows.map(({ to }) => to));
  const [showsAll, setShowsAll] = useState(false);
  return (
    <div className="stack">
      <ol className="waterfall" aria-label="Parts of this boot">
        {rows.map(({ key, kind, what, from, to, tone }) => (
          <li key={key} className={`fall ${kind}`} title={what}>
            <span className="what">
              <bdi>{what}</bdi>
            </span>
            <span className="lane" aria-hidden="true">
              <i
                data-tone={tone}
                style={{ left: `${(from / total) * 100}%`, width: `${((to - from) / total) * 100}%` }}
              />
            </span>
            <span className="took">{duration(to - from)}</span>
          </li>
        ))}
        <li className="fall scale" aria-hidden="true">
          <span />
          <span className="lane">
            {[0, 0.25, 0.5, 0.75, 1].map((part) => (
              <span key={part} style={{ left: `${part * 100}%` }}>
                {duration(total * part)}
              </span>
            ))}
          </span>
          <span />
        </li>
      </ol>
      <Events events={showsAll ? events : events.slice(-SHOWN)} startedAt={attempt.startedAt} />
      {events.length > SHOWN && !showsAll && (
        <Anchor component="button" size="sm" onClick={() => setShowsAll(true)} ta="left">
          Show all {events.length.toLocaleString('en')} events
        </Anchor>
      )}
    </div>
  );
}

const SHOWN = 200;

function Events({ events, startedAt }: { events: readonly TraceEvent[]; startedAt: number }) {
  const list = useRef<HTMLOListElement>(null);
  const atEnd = useRef(false);
  useEffect(() => {
    if (atEnd.current) list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [events]);
  return (
    <ol
      className="events"
      ref={list}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so keys must reach it
      tabIndex={0}
      aria-label="Every event of this boot"
      onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
        atEnd.current = scrollTop + clientHeight >= scrollHeight - 20;
      }}
    >
      {events.map((event) => {
        const { offset, protocol, text, trouble } = eventLine(event, startedAt);
        return (
          <li key={event.seq} data-trouble={trouble ? '' : undefined}>
            <span className="t">{offset.trim()}</span>
            <span className="p">{protocol.trim()}</span>
            <bdi className="text">
              {trouble && <span className="unseen">trouble: </span>}
              {text}
            </bdi>
          </li>
        );
      })}
    </ol>
  );
}

function NeverBooted({ machine }: { machine: MachineResource }) {
  return (
    <Card>
      <Empty title="No boot has been seen">
        <p>Nothing has been heard from {machine.name} since it was added.</p>
        <ol>
          <li>
            <b>Power it on, with the network before the disk in its boot order</b>
            {machine.bmc ? (
              <span>“Power” above does it by its BMC.</span>
            ) : (
              <span>It has no BMC in its document, so somebody must press its button.</span>
            )}
          </li>
          <li>
            <b>Ask what it would be sent</b>
            <Code>ingot explain {machine.name}</Code>
          </li>
        </ol>
      </Empty>
    </Card>
  );
}
