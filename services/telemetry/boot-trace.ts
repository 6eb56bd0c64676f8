import { createHash } from 'node:crypto';
import type { Attempt, TraceEvent } from '#machines/contract/trace.ts';
import { bootSpans, stageOfEvent } from '#machines/decide/boot-spans.ts';
import type { Attributes, Span } from './wire/otlp.ts';

/** A receiver need not have a line for every packet of a machine that asks all night. */
const MAX_EVENTS = 200;

/**
 * A boot as one trace: the attempt, and in it a span for each stage with what happened there. Ids follow from the
 * attempt's, so that it is the same trace when it is sent a second time.
 */
export function bootTrace(attempt: Attempt, events: readonly TraceEvent[]): readonly Span[] {
  const { id, machine, mac, address, site, startedAt, stage, verdict } = attempt;
  const traceId = hexOf(id, 32);
  const root = hexOf(`${id} boot`, 16);
  const begin = events[0]?.at ?? startedAt;
  const end = Math.max(begin, attempt.endedAt ?? attempt.lastAt);
  const failed = verdict.code !== 'booted' && verdict.code !== 'in-progress';
  const about: Attributes = {
    'ingot.attempt': id,
    'ingot.site': site,
    ...(machine === undefined ? {} : { 'ingot.machine': machine }),
    ...(mac === undefined ? {} : { 'ingot.mac': mac }),
    ...(address === undefined ? {} : { 'client.address': address }),
  };
  const kept = events.slice(0, MAX_EVENTS);
  const stages = bootSpans(events).map(
    (span): Span => ({
      traceId,
      spanId: hexOf(`${id} ${span.stage}`, 16),
      parentSpanId: root,
      name: span.stage,
      startMs: begin + span.from,
      endMs: begin + span.to,
      attributes: { ...about, 'ingot.stage': span.stage },
      events: kept
        .filter((event) => stageOfEvent(event) === span.stage)
        .map((event) => ({ name: event.kind, atMs: event.at, attributes: attributesOf(event) })),
      status: failed && span.stage === verdict.stage ? { kind: 'error', message: verdict.cause } : { kind: 'unset' },
    }),
  );
  const whole: Span = {
    traceId,
    spanId: root,
    name: 'boot',
    startMs: begin,
    endMs: end,
    attributes: { ...about, 'ingot.stage': stage, 'ingot.verdict': verdict.code, 'ingot.next': verdict.next },
    events: kept
      .filter((event) => stageOfEvent(event) === undefined)
      .map((event) => ({ name: event.kind, atMs: event.at, attributes: attributesOf(event) })),
    status: failed ? { kind: 'error', message: verdict.cause } : { kind: 'ok' },
  };
  return [whole, ...stages];
}

/** Plain values only. What a machine logged stays here: nobody knows what is in it. */
function attributesOf(event: TraceEvent): Attributes {
  if (event.kind === 'log' || event.kind === 'boot-token') return {};
  return Object.fromEntries(
    Object.entries(event).flatMap(([key, value]: [string, unknown]): [string, string | number | boolean][] =>
      key !== 'kind' &&
      key !== 'at' &&
      key !== 'path' &&
      (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
        ? [[`ingot.${key}`, value]]
        : [],
    ),
  );
}

const hexOf = (text: string, digits: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, digits);
