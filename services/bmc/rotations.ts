import type { Clock } from './clock.ts';
import { BmcError } from './contract.ts';
import { type Candidate, nextRotations, retryAfterMs } from './decide/rotation-schedule.ts';

/** How often it is looked who is due. */
const LOOK_MS = 60_000;

export type Rotations = {
  readonly name: string;
  readonly ready: Promise<void>;
  /** Until the signal aborts; one that is under way is waited for. */
  run(signal: AbortSignal): Promise<void>;
};

/** Changes passwords that have become old, by itself: what `rotate` does for one, spread over racks and time. */
export function openRotations(parts: {
  /** All whose passwords grow old, but for those that may not be touched now. */
  readonly candidates: () => Promise<readonly Candidate[]>;
  /** Rejects where it did not work; whatever breaks, one of two passwords opens the BMC. */
  readonly rotate: (machine: string, signal: AbortSignal) => Promise<void>;
  readonly failed: (machine: string, error: unknown) => void;
  readonly clock: Clock;
}): Rotations {
  const { candidates, rotate, failed, clock } = parts;
  const busy = new Map<string, Promise<void>>();
  const ended = new Map<string, number>();
  const failures = new Map<string, { readonly count: number; readonly until: number }>();

  async function one({ machine }: Candidate, signal: AbortSignal): Promise<void> {
    try {
      await rotate(machine, signal);
      failures.delete(machine);
    } catch (error) {
      if (signal.aborted) return;
      const count = (failures.get(machine)?.count ?? 0) + 1;
      failures.set(machine, { count, until: clock.now() + retryAfterMs(count) });
      failed(machine, error);
    }
  }

  async function look(signal: AbortSignal): Promise<void> {
    const now = clock.now();
    const patient = (await candidates()).filter(({ machine }) => (failures.get(machine)?.until ?? 0) <= now);
    for (const candidate of nextRotations({ candidates: patient, busy: new Set(busy.keys()), ended, now })) {
      const { rack } = candidate;
      busy.set(
        rack,
        one(candidate, signal).finally(() => {
          busy.delete(rack);
          ended.set(rack, clock.now());
        }),
      );
    }
  }

  return {
    name: 'bmc rotations',
    ready: Promise.resolve(),
    async run(signal) {
      try {
        while (!signal.aborted) {
          await look(signal);
          await clock.sleep(LOOK_MS, signal);
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        await Promise.all(busy.values());
      }
    },
  };
}

/** For the log and the audit. */
export const rotationFailure = (error: unknown): string =>
  error instanceof BmcError ? `${error.code}: ${error.message}` : String(error);
