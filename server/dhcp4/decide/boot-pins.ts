import type { BootFile } from './boot-file.ts';

const MAX_PINS = 8192;
/** Longer than any client takes from its DISCOVER to its last REQUEST. */
const PIN_MS = 60_000;

/**
 * What a client was told to boot, kept for its transaction: firmware that finds its ACK different from its OFFER starts
 * again, and an operator may change the plan between the two.
 */
export function bootPins() {
  const pins = new Map<string, { readonly boot: BootFile; readonly until: number }>();

  return {
    /** `key` tells client and transaction. What is decided first holds for all of it. */
    pinned(key: string, now: number, decide: () => BootFile): BootFile {
      const pin = pins.get(key);
      if (pin && pin.until > now) return pin.boot;
      const boot = decide();
      pins.delete(key);
      pins.set(key, { boot, until: now + PIN_MS });
      if (pins.size > MAX_PINS) pins.delete(pins.keys().next().value as string);
      return boot;
    },
  };
}
