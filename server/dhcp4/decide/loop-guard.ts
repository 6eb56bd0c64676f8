import type { MacAddress } from '#machines/values/mac-address.ts';

export type LoopLimits = {
  /** So many boots of one kind within the window are a loop. */
  readonly boots: number;
  readonly windowMs: number;
  readonly machines: number;
};

/**
 * A server takes minutes for its self-test, and a person who power-cycles one is not faster; a virtual machine in a loop
 * is back every few seconds.
 */
export const LOOP_LIMITS: LoopLimits = { boots: 12, windowMs: 10 * 60_000, machines: 4096 };

/**
 * Counts how often a machine was given something to boot. What loops is not firmware given iPXE twice (that cannot
 * happen) but a machine whose boot ends in a restart: it is told nothing any more until the window has passed, and so
 * goes on to its own disk.
 */
export function loopGuard(limits: LoopLimits = LOOP_LIMITS) {
  const boots = new Map<string, { readonly xids: Map<number, number> }>();

  function recent(key: string, now: number): Map<number, number> {
    const entry = boots.get(key) ?? { xids: new Map<number, number>() };
    for (const [xid, at] of entry.xids) {
      if (at > now - limits.windowMs) break;
      entry.xids.delete(xid);
    }
    boots.delete(key);
    boots.set(key, entry);
    if (boots.size > limits.machines) boots.delete(boots.keys().next().value as string);
    return entry.xids;
  }

  return {
    /** The same xid is the same boot, however often it asks. True if this one is over the limit. */
    isLoop(mac: MacAddress, kind: 'loader' | 'script', xid: number, now: number): boolean {
      const xids = recent(`${kind} ${mac}`, now);
      if (xids.has(xid)) return false;
      if (xids.size >= limits.boots) return true;
      xids.set(xid, now);
      return false;
    },
  };
}
