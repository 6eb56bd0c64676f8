import type { BmcEvent } from '#machines/contract/power.ts';
import { eventOf, inOrder } from './decide/event.ts';
import { read } from './decide/read.ts';
import { logEntry, logService } from './decide/resources.ts';
import type { RedfishLimits } from './limits.ts';
import { type Budget, collectionPaths, isFatal, isWhole, pages, pathOf } from './members.ts';
import type { RedfishService } from './service.ts';

/** Logs of audits, of debugging and of the BMC's own jobs are no events of the machine, and are the long ones. */
const OTHER_LOGS = /audit|debug|dump|fault|crash|journal|lclog|^sl$|postcode|security/i;
const MOST_EVENTS = 2000;

/**
 * The logs of the machine: all that are no audit or debug log. A log that cannot be read is left out as long as another
 * can be. Newest last, the newest 2000 of what was read.
 */
export async function readEvents(parts: {
  readonly service: RedfishService;
  readonly logs: string | undefined;
  readonly limits: RedfishLimits;
  readonly signal: AbortSignal;
}): Promise<readonly BmcEvent[]> {
  const { service, logs, limits, signal } = parts;
  if (logs === undefined) return [];
  const budget = { left: limits.requests };
  const paths = await collectionPaths(service, logs, { requests: 8, signal });
  const told: { readonly id: string; readonly entries: string }[] = [];
  let failed: unknown;
  for (const path of paths.slice(0, 16)) {
    try {
      const log = await service.read(logService, path, signal);
      const id = log.Id ?? path;
      if (log.Entries !== undefined && !OTHER_LOGS.test(id)) told.push({ id, entries: log.Entries });
    } catch (error) {
      if (isFatal(error)) throw error;
      failed ??= error;
    }
  }
  const events: BmcEvent[] = [];
  let readable = 0;
  for (const { id, entries } of told) {
    try {
      events.push(...(await readLog(service, { entries, log: told.length > 1 ? id : undefined, budget, signal })));
      readable++;
    } catch (error) {
      if (isFatal(error)) throw error;
      failed ??= error;
    }
  }
  if (readable === 0 && failed !== undefined) throw failed;
  return inOrder(events).slice(-MOST_EVENTS);
}

async function readLog(
  service: RedfishService,
  at: {
    readonly entries: string;
    readonly log: string | undefined;
    readonly budget: Budget;
    readonly signal: AbortSignal;
  },
): Promise<readonly BmcEvent[]> {
  const { entries, log, budget, signal } = at;
  const found: BmcEvent[] = [];
  for await (const { members } of pages(service, entries, { budget, signal })) {
    for (const member of members) {
      const entry = await entryOf(service, member, { budget, signal });
      const event = entry && eventOf(entry, log);
      if (event) found.push(event);
    }
    if (found.length >= MOST_EVENTS) break;
  }
  return found;
}

/** Entries stand in their collection as a whole (DSP0268 LogEntryCollection); few services only refer to them. */
async function entryOf(
  service: RedfishService,
  member: unknown,
  { budget, signal }: { readonly budget: Budget; readonly signal: AbortSignal },
) {
  const path = pathOf(member);
  if (!isWhole(member) && path !== undefined && budget.left > 0) {
    budget.left--;
    return await service.read(logEntry, path, signal);
  }
  // One line that cannot be read is no reason to lose the others.
  const result = read(logEntry, member);
  return result.ok ? result.value : undefined;
}
