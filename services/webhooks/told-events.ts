import { writeDocument } from '#machines/contract/api/document-form.ts';
import { isOver, type JobState } from '#machines/contract/job.ts';
import type { WebhookEvent } from '#machines/contract/webhook.ts';
import type { Jobs } from '#services/jobs/contract.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { Recorder } from '#services/trace/contract.ts';

/** So many ended boots are remembered, so that each is told once. */
const REMEMBERED = 10_000;

export type TellParts = {
  readonly registry: Pick<Registry, 'watch' | 'machines'>;
  readonly recorder: Pick<Recorder, 'watch'>;
  readonly jobs: Pick<Jobs, 'watch'>;
};

export type Tell = (event: WebhookEvent, data: Readonly<Record<string, unknown>>) => void;

/**
 * What happens here, as events for programs elsewhere: a machine when what people say of it changes and not at each
 * packet, a boot when it ends, a job when its state changes. Ends with the returned function.
 */
export function toldEvents({ registry, recorder, jobs }: TellParts, tell: Tell): () => void {
  const revs = new Map(registry.machines().map(({ document, rev }) => [document.name, rev]));
  const states = new Map<string, JobState>();
  const ended = new Set<string>();
  const stops = [
    registry.watch((change) => {
      switch (change.kind) {
        case 'machine': {
          const { name, machine } = change;
          const before = revs.get(name);
          if (!machine) {
            if (revs.delete(name)) tell('machine.removed', { name });
            return;
          }
          revs.set(name, machine.rev);
          const { document, acceptance, service, locked, rev } = machine;
          const data = { name, machine: { ...document, status: { acceptance, service, locked, rev } } };
          if (before === undefined) tell('machine.added', data);
          else if (before !== rev) tell('machine.changed', data);
          return;
        }
        case 'document': {
          const { documentKind, name, document } = change;
          const data = { documentKind, name, ...(document ? { document: writeDocument(document) } : {}) };
          return tell(document ? 'document.changed' : 'document.removed', data);
        }
        case 'grant': {
          const { grant } = change;
          return tell(grant.spentAt === undefined ? 'grant.made' : 'grant.spent', { grant });
        }
        default:
          return change satisfies never;
      }
    }),
    recorder.watch((attempt) => {
      if (attempt.endedAt === undefined || ended.has(attempt.id)) return;
      const [oldest] = ended;
      if (ended.size >= REMEMBERED && oldest !== undefined) ended.delete(oldest);
      ended.add(attempt.id);
      tell('attempt.ended', { attempt });
    }),
    jobs.watch((job) => {
      if (states.get(job.id) === job.state) return;
      if (isOver(job.state)) states.delete(job.id);
      else states.set(job.id, job.state);
      tell(`job.${job.state}`, { job });
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
