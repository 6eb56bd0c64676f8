import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BootChoice } from './boot-override.ts';

/** How far a machine is. `off` also when it turned itself off. */
export type BootStage = 'off' | 'self-test' | 'loading' | 'running';

/**
 * What a BMC switches: a machine in software, or a virtual one. A BMC is the only one that calls it, one call at a time;
 * the machine may go off, or boot again, by itself.
 */
export interface PowerBackend extends AsyncDisposable {
  /** True, whatever the BMC says. */
  stage(): BootStage;
  /** Gives it power. `takeBoot` is called at the start of each boot attempt, and spends an override. */
  on(takeBoot: () => BootChoice): Promise<void>;
  /** Takes its power away; done when it has none. Nothing happens to a machine that is off. */
  off(): Promise<void>;
  /** Presses the power button: a running system shuts down in its own time, any other machine ignores it. */
  soft(): void;
  /** Its serial line. The listener is called until the returned function is. */
  onConsole(listener: (bytes: Uint8Array) => void): () => void;
  type(bytes: Uint8Array): void;
  /** Called whenever its stage has changed. Ends with the returned function. */
  onStage(listener: (stage: BootStage) => void): () => void;
}

/** One power-on of a machine in software. Settles when the machine has come as far as it will. */
export type SimulatedBoot = (attempt: {
  /** Asked at the start of each boot attempt. */
  readonly takeBoot: () => BootChoice;
  /** What stands on the screen. */
  readonly say: (line: string) => void;
  readonly stage: (stage: Exclude<BootStage, 'off'>) => void;
  /** Aborted when its power is taken away. */
  readonly signal: AbortSignal;
}) => Promise<'stays-on' | 'turns-off'>;

/** A machine in software: `boot` is run for each power-on. */
export function simulatedPower(options: {
  readonly boot: SimulatedBoot;
  /** How long a running system takes to shut down, milliseconds. */
  readonly shutdownMs: number;
  /** Told of whatever `boot` throws when its power was not taken away. */
  readonly onError: (error: unknown) => void;
}): PowerBackend {
  const { boot, shutdownMs, onError } = options;
  const consoles = new Set<(bytes: Uint8Array) => void>();
  const stages = new Set<(stage: BootStage) => void>();
  let stage: BootStage = 'off';
  let power: AbortController | undefined;
  let booting: Promise<void> | undefined;
  let typed = '';

  const setStage = (next: BootStage): void => {
    if (stage === next) return;
    stage = next;
    for (const listener of stages) listener(next);
  };
  const print = (text: string): void => {
    if (consoles.size === 0) return;
    const bytes = new TextEncoder().encode(text);
    for (const listener of consoles) listener(bytes);
  };

  async function live(takeBoot: () => BootChoice, signal: AbortSignal): Promise<void> {
    setStage('self-test');
    const end = await boot({ takeBoot, say: (line) => print(`${line}\r\n`), stage: setStage, signal });
    signal.throwIfAborted();
    if (end === 'stays-on') await once(signal, 'abort');
  }

  async function off(): Promise<void> {
    power?.abort();
    await booting;
  }

  return {
    stage: () => stage,
    async on(takeBoot) {
      await off();
      const mine = new AbortController();
      power = mine;
      booting = live(takeBoot, mine.signal)
        .catch((error: unknown) => {
          if (!mine.signal.aborted) onError(error);
        })
        .finally(() => {
          typed = '';
          setStage('off');
        });
    },
    off,
    soft() {
      const mine = power;
      if (stage !== 'running' || !mine) return;
      print('\r\nThe system is going down for power off.\r\n');
      sleep(shutdownMs, undefined, { signal: mine.signal }).then(
        () => mine.abort(),
        () => {},
      );
    },
    onConsole(listener) {
      consoles.add(listener);
      return () => void consoles.delete(listener);
    },
    type(bytes) {
      if (stage === 'off') return;
      // A terminal line: what is typed is echoed, and each line is answered.
      for (const character of new TextDecoder().decode(bytes)) {
        if (character !== '\r' && character !== '\n') {
          typed = (typed + character).slice(-256);
          print(character);
          continue;
        }
        print(stage === 'running' ? `\r\n-sh: ${typed}: not found\r\n# ` : '\r\n');
        typed = '';
      }
    },
    onStage(listener) {
      stages.add(listener);
      return () => void stages.delete(listener);
    },
    [Symbol.asyncDispose]: off,
  };
}
