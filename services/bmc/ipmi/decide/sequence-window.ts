/** What is kept of the session sequence numbers that came in. `seen`: bit n set where `highest - n` was seen. */
export type SequenceWindow = { readonly highest: number; readonly seen: number };

/** 0 belongs to what is outside of a session: nothing was seen yet. */
export const EMPTY_WINDOW: SequenceWindow = { highest: 0, seen: 0 };

const BEHIND = 16;
const SEEN = 2 ** (BEHIND + 1) - 1;

/**
 * The window with one number more, or undefined for a packet that must be dropped: seen before, or more than 16 behind
 * (IPMI v2.0 §6.12.13). Numbers wrap at 2^32. Of those ahead the standard drops what is 16 or more: a session would end
 * with any outage of so many packets of a console. They are verified before, so that a jump is no forgery, and what it
 * skips is lost either way.
 */
export function accepted(window: SequenceWindow, sequence: number): SequenceWindow | undefined {
  if (sequence === 0) return undefined;
  if (window.highest === 0) return { highest: sequence, seen: 1 };
  const ahead = (sequence - window.highest) | 0;
  if (ahead > BEHIND) return { highest: sequence, seen: 1 };
  if (ahead > 0) return { highest: sequence, seen: ((window.seen << ahead) | 1) & SEEN };
  if (-ahead > BEHIND) return undefined;
  const bit = 1 << -ahead;
  return (window.seen & bit) === 0 ? { highest: window.highest, seen: window.seen | bit } : undefined;
}

/** The number after, which is never 0. */
export const nextSequence = (sequence: number): number => (sequence + 1) >>> 0 || 1;
