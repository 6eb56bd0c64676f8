import type { Logger } from 'pino';
import { isOver } from '#machines/contract/job.ts';
import type { Jobs } from '#services/jobs/contract.ts';
import { bootTrace } from '#services/telemetry/boot-trace.ts';
import type { SpanExporter } from '#services/telemetry/exporter.ts';
import { jobTrace } from '#services/telemetry/job-trace.ts';
import type { Recorder } from '#services/trace/contract.ts';
import { type Task, task } from './task.ts';

const REMEMBERED = 10_000;

/** Sends each boot and each job as a trace when it is over; a boot that goes on after all is sent again, under its id. */
export function telemetryTask({
  recorder,
  jobs,
  exporter,
  log,
}: {
  readonly recorder: Pick<Recorder, 'watch' | 'events'>;
  readonly jobs: Pick<Jobs, 'watch'>;
  readonly exporter: SpanExporter;
  readonly log: Pick<Logger, 'warn'>;
}): Task {
  return task('telemetry', async (signal, listening) => {
    const told = new Set<string>();
    const isNew = (key: string): boolean => {
      if (told.has(key)) return false;
      const [oldest] = told;
      if (told.size >= REMEMBERED && oldest !== undefined) told.delete(oldest);
      told.add(key);
      return true;
    };
    const stops = [
      recorder.watch((attempt) => {
        if (attempt.endedAt === undefined || !isNew(`${attempt.id} ${attempt.endedAt}`)) return;
        recorder
          .events(attempt.id)
          .then((events) => exporter.add(bootTrace(attempt, events)))
          .catch((err: unknown) => log.warn({ err, attempt: attempt.id }, 'a boot was not sent as a trace'));
      }),
      jobs.watch((job) => {
        if (isOver(job.state) && isNew(job.id)) exporter.add(jobTrace(job));
      }),
    ];
    listening(undefined);
    try {
      await exporter.run(signal);
    } finally {
      for (const stop of stops) stop();
    }
  });
}
