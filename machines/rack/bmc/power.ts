import { setTimeout as sleep } from 'node:timers/promises';
import type { PowerState } from '../../contract/power.ts';
import type { BootSetting } from './boot-override.ts';
import type { BmcFault } from './faults.ts';
import type { BootStage, PowerBackend } from './power-backend.ts';

/** How long what a power supply and a board take; milliseconds. */
export type PowerTimes = {
  /** From the command to power: PoweringOn so long. */
  readonly onMs: number;
  /** From the command to no power: PoweringOff so long. */
  readonly offMs: number;
  /** Between off and on of a power cycle. */
  readonly restMs: number;
  /** How long a BMC that begins again is away. */
  readonly restartMs: number;
};
export const POWER_TIMES: PowerTimes = { onMs: 500, offMs: 500, restMs: 1000, restartMs: 3000 };

export type PowerRequest = 'on' | 'off' | 'soft' | 'reset' | 'cycle';
/** `already`: it is in that state, or on the way there. `off`: it is off, and cannot be reset. */
export type PowerOutcome = 'taken' | 'already' | 'off';

/** The power of one machine as its BMC has it: one command at a time, each takes its time, and each is true. */
export type Power = {
  state(): Exclude<PowerState, 'unknown'>;
  stage(): BootStage;
  request(wanted: PowerRequest): PowerOutcome;
  /** Settles when no command is under way. */
  settled(): Promise<void>;
  /** By the wall clock, milliseconds since the epoch; 0 when it never was. */
  lastResetAt(): number;
  everOn(): boolean;
  /** Whether the last change came by a command, as IPMI's Get Chassis Status tells. */
  turnedOnByCommand(): boolean;
};

export function openPower(options: {
  readonly backend: PowerBackend;
  readonly boot: BootSetting;
  readonly times: PowerTimes;
  readonly now: () => number;
  readonly has: (fault: BmcFault) => boolean;
  readonly log: (text: string) => void;
  readonly signal: AbortSignal;
}): Power {
  const { backend, boot, times, now, has, log, signal } = options;
  let under: 'powering-on' | 'powering-off' | undefined;
  let work: Promise<void> = Promise.resolve();
  let lastResetAt = 0;
  let everOn = false;
  let byCommand = false;

  const state = (): Exclude<PowerState, 'unknown'> => under ?? (backend.stage() === 'off' ? 'off' : 'on');

  /** Commands come one after the other; one that the end of the BMC cuts off is gone. */
  function queue(step: () => Promise<void>): void {
    work = work.then(step).catch((error: unknown) => {
      under = undefined;
      if (!signal.aborted) log(`power: ${String(error)}`);
    });
  }

  async function turnOn(): Promise<void> {
    under = 'powering-on';
    await sleep(times.onMs, undefined, { signal });
    if (has('stuck-powering-on')) return;
    boot.keep();
    lastResetAt = now();
    everOn = true;
    byCommand = true;
    await backend.on(() => boot.take());
    under = undefined;
    log('Power on');
  }

  async function turnOff(): Promise<void> {
    under = 'powering-off';
    await sleep(times.offMs, undefined, { signal });
    await backend.off();
    under = undefined;
    log('Power off');
  }

  return {
    state,
    stage: () => backend.stage(),
    settled: () => work,
    lastResetAt: () => lastResetAt,
    everOn: () => everOn,
    turnedOnByCommand: () => byCommand,
    request(wanted) {
      const at = state();
      const isOn = at === 'on' || at === 'powering-on';
      const ignores = has('ignores-power');
      // A chassis command ends the minute that an override lives without one.
      boot.keep();
      switch (wanted) {
        case 'on':
          if (isOn) return 'already';
          if (ignores) return 'taken';
          under = 'powering-on';
          queue(turnOn);
          return 'taken';
        case 'off':
          if (at === 'off' || at === 'powering-off') return 'already';
          if (ignores) return 'taken';
          under = 'powering-off';
          queue(turnOff);
          return 'taken';
        case 'soft':
          if (!isOn) return 'already';
          if (!ignores) backend.soft();
          return 'taken';
        case 'reset':
          if (!isOn) return 'off';
          if (ignores) return 'taken';
          queue(async () => {
            await backend.off();
            lastResetAt = now();
            await backend.on(() => boot.take());
            log('Reset');
          });
          return 'taken';
        case 'cycle':
          if (!isOn) return 'off';
          if (ignores) return 'taken';
          under = 'powering-off';
          queue(async () => {
            await turnOff();
            await sleep(times.restMs, undefined, { signal });
            await turnOn();
          });
          return 'taken';
        default:
          return wanted satisfies never;
      }
    },
  };
}
