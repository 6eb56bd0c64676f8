import { BmcError } from '../contract.ts';
import { collection } from './decide/resources.ts';
import type { Got, RedfishService } from './service.ts';

/** How much one verb may ask. Paging that never ends, and trees that refer to themselves, end with it. */
export type Budget = { left: number };

/**
 * Pages of a collection, by `Members@odata.nextLink`. Ends early, with `onCut`, when the budget is used up or a page
 * leads back to one that was read.
 */
export async function* pages(
  service: RedfishService,
  path: string,
  options: { readonly budget: Budget; readonly signal: AbortSignal; readonly onCut?: (why: string) => void },
): AsyncGenerator<{ readonly got: Got; readonly members: readonly unknown[] }, void, undefined> {
  const { budget, signal, onCut = () => {} } = options;
  const seen = new Set<string>();
  for (let next: string | undefined = path; next !== undefined; ) {
    if (seen.has(next)) {
      onCut(`its pages go round in a circle`);
      return;
    }
    if (budget.left <= 0) {
      onCut('too many requests');
      return;
    }
    budget.left--;
    seen.add(next);
    const got: Got = await service.get(next, signal);
    const page = service.parse(collection, got);
    yield { got, members: page.Members };
    next = page['Members@odata.nextLink'];
  }
}

/** The paths of all members. */
export async function collectionPaths(
  service: RedfishService,
  path: string,
  options: { readonly requests: number; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const found: string[] = [];
  const { signal } = options;
  for await (const { members } of pages(service, path, { budget: { left: options.requests }, signal })) {
    found.push(...members.flatMap((member) => pathOf(member) ?? []));
  }
  return found;
}

/** A member's path; nothing where it has none, as HPE's while the machine powers on. */
export function pathOf(member: unknown): string | undefined {
  if (typeof member !== 'object' || member === null || !('@odata.id' in member)) return undefined;
  const id = member['@odata.id'];
  return typeof id === 'string' && id !== '' ? id : undefined;
}

/** Whether a member is there as a whole, after `$expand`, and not only its path. */
export const isWhole = (member: unknown): boolean =>
  typeof member === 'object' && member !== null && Object.keys(member).some((name) => !name.startsWith('@odata.'));

/** What ends a whole verb: the BMC is gone or refuses everything. Anything else is a hole in what it tells. */
export function isFatal(error: unknown): boolean {
  if (!(error instanceof BmcError)) return true;
  return ['unreachable', 'certificate', 'credential', 'sessions', 'busy'].includes(error.code);
}
