import type { BootOnce } from '#machines/contract/power.ts';
import type { Asks } from './asks.ts';
import type { BmcDriver } from './contract.ts';
import { notSupported } from './not-supported.ts';

/** What was said longer ago says little about now. */
const TOLD_MS = 10 * 60_000;

/** A person at the machine. Commands wait until they say that it is done; the status is what they said last. */
export function openManual(parts: {
  readonly machine: string;
  readonly asks: Asks;
  readonly now: () => number;
}): BmcDriver {
  const { machine, asks, now } = parts;
  const lacks = notSupported('a person');
  let boot: BootOnce | undefined;
  return {
    ...lacks,
    type: 'manual',
    // A person who turns it off knows how: to ask them twice, softly first, would be rude.
    verbs: new Set(['status', 'on', 'off', 'reset', 'boot-once']),
    async status(signal) {
      signal.throwIfAborted();
      const told = asks.told(machine);
      return { power: told && now() - told.at < TOLD_MS ? told.power : 'unknown' };
    },
    async power(action, signal) {
      if (action === 'soft') return await lacks.power(action, signal);
      const wish = action === 'off' ? undefined : boot;
      if (action !== 'off') boot = undefined;
      await asks.ask({ machine, wanted: action, ...(wish ? { boot: wish } : {}) }, signal);
    },
    /** Said with the next ask. */
    async bootOnce(wanted, signal) {
      signal.throwIfAborted();
      boot = wanted.device === 'none' ? undefined : wanted;
    },
    async [Symbol.asyncDispose]() {},
  };
}
