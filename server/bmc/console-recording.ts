import type { Logger } from 'pino';
import type { Attempt } from '#machines/contract/trace.ts';
import type { MachineBmc } from '#services/bmc/bmcs.ts';
import type { Clock } from '#services/bmc/clock.ts';
import type { Consoles } from '#services/bmc/consoles.ts';
import { BmcError } from '#services/bmc/contract.ts';
import { type ConsoleLines, consoleLines } from '#services/bmc/decide/console-lines.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { Recorder } from '#services/trace/contract.ts';

/** Kept of one attempt: firmware that draws its screen anew every second would else fill the trace alone. */
export type RecordingLimits = { readonly bytes: number; readonly lines: number };
export const RECORDING_LIMITS: RecordingLimits = { bytes: 256 * 1024, lines: 600 };

/** BMCs drop the console when the machine is powered; so often it is opened anew in one attempt. */
const REOPENED = 5;
const REOPEN_MS = 3000;
/** RFC 5424: information, and a warning. */
const LINE = 6;
const WARNING = 4;

type Recording = {
  attempt: string;
  startedAt: number;
  bytes: number;
  lines: number;
  text: ConsoleLines;
  readonly stop: AbortController;
};

export type ConsoleRecording = {
  readonly name: string;
  readonly ready: Promise<void>;
  /** Records until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
};

/**
 * Writes the serial console of a machine into the trace of its boot attempt, where the machine or its profile says
 * `recordConsole: true`. It begins with the attempt and ends with it, goes over to the next one of the same machine, and
 * gives the console up to whoever opens it.
 */
export function consoleRecording(parts: {
  readonly recorder: Pick<Recorder, 'record' | 'watch'>;
  readonly registry: Pick<Registry, 'machine' | 'profile'>;
  readonly consoles: Pick<Consoles, 'open'>;
  readonly bmcOf: (machine: string) => MachineBmc | undefined;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly limits?: RecordingLimits;
  readonly log: Pick<Logger, 'info' | 'error'>;
}): ConsoleRecording {
  const { recorder, registry, consoles, clock, log, limits = RECORDING_LIMITS } = parts;
  const recordings = new Map<string, Recording>();
  const work = new Set<Promise<void>>();
  /** The newest attempt of each machine whose recording is over: events may still come of it. */
  const over = new Map<string, number>();

  function wants(name: string): boolean {
    const machine = registry.machine(name);
    if (!machine) return false;
    const { recordConsole, profile } = machine.document;
    return recordConsole ?? (profile !== undefined && registry.profile(profile)?.recordConsole === true);
  }

  function write(recording: Recording, severity: number, text: string): void {
    recorder.record({ attempt: recording.attempt }, { kind: 'log', source: 'console', severity, text });
  }

  /** Says false when no more of this attempt is kept. */
  function keep(recording: Recording, lines: readonly string[]): boolean {
    for (const text of lines) {
      // What is recorded of an attempt that has ended would take it up again.
      if (recording.stop.signal.aborted || recording.lines >= limits.lines) return false;
      recording.lines += 1;
      write(recording, LINE, text);
    }
    return true;
  }

  function take(recording: Recording, bytes: Uint8Array): void {
    if (recording.bytes >= limits.bytes) return;
    recording.bytes += bytes.length;
    const room = keep(recording, recording.text.take(bytes));
    if (room && recording.bytes < limits.bytes) return;
    recording.bytes = limits.bytes;
    const most = `${Math.round(limits.bytes / 1024)} KiB or ${limits.lines} lines`;
    write(recording, WARNING, `no more of the console is kept of this attempt: it has ${most}`);
  }

  async function record(bmc: MachineBmc, recording: Recording): Promise<void> {
    const { signal } = recording.stop;
    for (let tries = 0; !signal.aborted; tries += 1) {
      let to: string | undefined;
      try {
        await using console = await consoles.open(bmc, 'a recording', signal, (who) => (to = who));
        for await (const bytes of console.output) take(recording, bytes);
      } catch (error) {
        if (signal.aborted) break;
        if (to === undefined && (!(error instanceof BmcError) || tries >= REOPENED || GIVES_UP.has(error.code))) {
          write(
            recording,
            WARNING,
            `the console is not recorded: ${error instanceof BmcError ? error.message : 'it failed'}`,
          );
          if (!(error instanceof BmcError))
            log.error({ err: error, machine: bmc.machine }, 'a console was not recorded');
          return;
        }
      }
      if (to !== undefined) return write(recording, WARNING, `the recording ends here: ${to} opened the console`);
      if (signal.aborted || tries >= REOPENED) break;
      await clock.sleep(REOPEN_MS, signal).catch(() => {});
    }
    keep(recording, recording.text.rest());
  }

  function begin({ machine = '', id, startedAt }: Attempt): void {
    const bmc = wants(machine) ? parts.bmcOf(machine) : undefined;
    if (!bmc || (bmc.type !== 'redfish' && bmc.type !== 'ipmi')) return;
    const recording: Recording = { ...fresh(id, startedAt), stop: new AbortController() };
    recordings.set(machine, recording);
    log.info({ machine, attempt: id }, 'its console is recorded');
    const mine = record(bmc, recording)
      .catch((err: unknown) => log.error({ err, machine }, 'a console was not recorded'))
      .finally(() => {
        over.set(machine, recording.startedAt);
        recordings.delete(machine);
        work.delete(mine);
      });
    work.add(mine);
  }

  function notice(attempt: Attempt): void {
    const { machine, id, startedAt, endedAt } = attempt;
    if (machine === undefined) return;
    const recording = recordings.get(machine);
    if (endedAt !== undefined) {
      if (recording?.attempt === id) recording.stop.abort(new Error('the attempt has ended'));
      return;
    }
    if (recording) {
      if (startedAt <= recording.startedAt || recording.stop.signal.aborted) return;
      keep(recording, recording.text.rest());
      Object.assign(recording, fresh(id, startedAt));
    } else if (startedAt > (over.get(machine) ?? 0)) begin(attempt);
  }

  return {
    name: 'console recording',
    ready: Promise.resolve(),
    async run(signal) {
      if (signal.aborted) return;
      const ended = Promise.withResolvers<void>();
      const leave = recorder.watch((attempt) => notice(attempt));
      signal.addEventListener('abort', () => ended.resolve(), { once: true });
      await ended.promise;
      leave();
      for (const { stop } of recordings.values()) stop.abort(new Error('the daemon ends'));
      await Promise.all(work);
    },
  };
}

const fresh = (attempt: string, startedAt: number) => ({
  attempt,
  startedAt,
  bytes: 0,
  lines: 0,
  text: consoleLines(),
});

/** What no second try changes. */
const GIVES_UP: ReadonlySet<string> = new Set([
  'not-supported',
  'credential',
  'certificate',
  'privilege',
  'licence',
  'sessions',
]);
