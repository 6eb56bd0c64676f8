import { createHash } from 'node:crypto';
import type { Job } from '#machines/contract/job.ts';
import type { Span } from './wire/otlp.ts';

/** A job that is over as one trace: the job, and in it a span for each step that was begun. */
export function jobTrace(job: Job): readonly Span[] {
  const { id, kind, machine, state, createdAt, startedAt = createdAt, endedAt = startedAt } = job;
  const traceId = hexOf(id, 32);
  const root = hexOf(`${id} job`, 16);
  const about = { 'ingot.job': id, 'ingot.machine': machine };
  const failed = job.steps.find((step) => step.state === 'failed');
  const steps = job.steps.flatMap((step, index): readonly Span[] =>
    step.startedAt === undefined
      ? []
      : [
          {
            traceId,
            spanId: hexOf(`${id} ${index}`, 16),
            parentSpanId: root,
            name: step.name,
            startMs: step.startedAt,
            endMs: Math.max(step.startedAt, step.endedAt ?? endedAt),
            attributes: { ...about, 'ingot.tries': step.tries },
            events: [],
            status: step.state === 'failed' ? { kind: 'error', message: step.text } : { kind: 'unset' },
          },
        ],
  );
  return [
    {
      traceId,
      spanId: root,
      name: kind,
      startMs: createdAt,
      endMs: Math.max(createdAt, endedAt),
      attributes: { ...about, 'ingot.state': state },
      events: startedAt > createdAt ? [{ name: 'started', atMs: startedAt, attributes: {} }] : [],
      status: state === 'failed' ? { kind: 'error', message: failed?.text ?? 'it failed' } : { kind: 'ok' },
    },
    ...steps,
  ];
}

const hexOf = (text: string, digits: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, digits);
