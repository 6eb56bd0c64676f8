/** Wrong passwords in a row before anyone has to wait. A person who mistypes stays below it. */
export const FREE_TRIES = 5;
/** An address may have many people behind it. */
export const FREE_TRIES_OF_ADDRESS = 20;
/** The first wait; each further wrong one doubles it. */
export const FIRST_WAIT_MS = 30_000;
/** Whoever wants to keep somebody out by guessing keeps them out for so long at most, and tokens still work. */
export const LONGEST_WAIT_MS = 15 * 60_000;
/** After so long without a wrong one, all is forgotten. */
export const FORGET_MS = 60 * 60_000;

export type Tries = { readonly wrong: number; readonly lastAt: number };

/** How long this one has to wait, in ms; 0: it may try now. */
export function waitOf(tries: Tries | undefined, free: number, now: number): number {
  if (!tries || tries.wrong < free || now - tries.lastAt > FORGET_MS) return 0;
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(20, tries.wrong - free));
  return Math.max(0, tries.lastAt + wait - now);
}

/** After a wrong one. */
export const afterWrong = (tries: Tries | undefined, now: number): Tries => ({
  wrong: tries && now - tries.lastAt <= FORGET_MS ? tries.wrong + 1 : 1,
  lastAt: now,
});
