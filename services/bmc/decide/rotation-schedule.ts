/** Passwords of one age are changed over the last tenth of it, so that a rack which was set up in an hour is not one. */
const SPREAD = 0.1;
const DAY_MS = 86_400_000;
/** Between two of one rack: whatever a rotation breaks is seen before the next one. */
export const RACK_REST_MS = 10 * 60_000;
/** At once over all racks. */
const AT_ONCE = 4;

/** Milliseconds since the epoch. The same BMC is always at the same place in the spread. */
export function rotationDueAt(of: {
  readonly address: string;
  /** Since when it has its password. */
  readonly since: number;
  readonly rotateDays: number;
}): number {
  const { address, since, rotateDays } = of;
  return since + Math.floor(rotateDays * DAY_MS * (1 - SPREAD * shareOf(address)));
}

/** From 0 to 1, the same for the same text (FNV-1a, its bits mixed once more: addresses differ in their last digit). */
function shareOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}

export type Candidate = { readonly machine: string; readonly rack: string; readonly dueAt: number };

/** Whose turn it is: the longest due first, one a rack at a time, and a rest after each. */
export function nextRotations(at: {
  readonly candidates: readonly Candidate[];
  /** Racks in which one is under way. */
  readonly busy: ReadonlySet<string>;
  /** When the last one of a rack ended. */
  readonly ended: ReadonlyMap<string, number>;
  readonly now: number;
}): readonly Candidate[] {
  const { candidates, ended, now } = at;
  const busy = new Set(at.busy);
  const chosen: Candidate[] = [];
  for (const one of candidates.toSorted((a, b) => a.dueAt - b.dueAt || a.machine.localeCompare(b.machine))) {
    if (busy.size >= AT_ONCE) break;
    const rested = now - (ended.get(one.rack) ?? Number.NEGATIVE_INFINITY) >= RACK_REST_MS;
    if (one.dueAt > now || busy.has(one.rack) || !rested) continue;
    busy.add(one.rack);
    chosen.push(one);
  }
  return chosen;
}

const HOUR_MS = 3_600_000;

/** How long one that failed is left alone: an hour, twice as long each time, a day at most. */
export const retryAfterMs = (failures: number): number => Math.min(HOUR_MS * 2 ** (failures - 1), DAY_MS);
