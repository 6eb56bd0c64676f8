import type { LeaseQuery, LeaseResource } from '#machines/contract/api/system-resource.ts';
import { parseIpAddress } from '#machines/values/ip-address.ts';
import { naturalKey } from './machine-list.ts';

export type LeasePage = { readonly items: readonly LeaseResource[]; readonly total: number; readonly next?: string };

/** A page of the leases that match. The cursor is the address where the page before ended, and what it sorts by. */
export function leasePage(
  leases: readonly LeaseResource[],
  query: LeaseQuery,
  { now, ofMachine }: { readonly now: number; readonly ofMachine: ((name: string | undefined) => boolean) | undefined },
): LeasePage | { readonly wrongCursor: true } {
  const cursor = query.after === undefined ? undefined : readCursor(query.after);
  if (query.after !== undefined && !cursor) return { wrongCursor: true };
  const search = query.search?.toLowerCase();
  const matching = leases
    .filter(
      ({ state, expiresAt }) => query.all || query.state !== undefined || (state !== 'released' && expiresAt > now),
    )
    .filter(({ state }) => query.state === undefined || state === query.state)
    .filter(({ subnet }) => query.subnet === undefined || subnet === query.subnet)
    .filter(({ machine }) => ofMachine?.(machine) ?? true)
    .filter((lease) => search === undefined || JSON.stringify(lease).toLowerCase().includes(search));
  const sign = query.descending ? -1 : 1;
  const order = (a: Place, b: Place): number =>
    sign * (compareKeys(a.key, b.key) || compareKeys(naturalKey(a.address), naturalKey(b.address)));
  const ordered = matching
    .map((lease) => ({ lease, key: keyOf(lease, query.sort), address: lease.address }))
    .toSorted(order);
  const rest = cursor ? ordered.filter((one) => order(one, cursor) > 0) : ordered;
  const page = rest.slice(0, query.limit);
  const last = page.at(-1);
  return {
    items: page.map(({ lease }) => lease),
    total: matching.length,
    ...(last && rest.length > page.length ? { next: btoa(JSON.stringify([last.key, last.address])) } : {}),
  };
}

type Key = string | number;
type Place = { readonly key: Key; readonly address: LeaseResource['address'] };

function keyOf(lease: LeaseResource, sort: LeaseQuery['sort']): Key {
  switch (sort) {
    case 'address':
      return 0;
    case 'bound':
      return lease.boundAt;
    case 'expires':
      return lease.expiresAt;
    case 'hostname':
      return lease.hostname ?? '';
    case 'machine':
      return lease.machine ?? '';
    default:
      return sort satisfies never;
  }
}

const compareKeys = (a: Key, b: Key): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : a < b ? -1 : a > b ? 1 : 0;

function readCursor(text: string): Place | undefined {
  try {
    const [key, address]: unknown[] = JSON.parse(atob(text));
    const read = parseIpAddress(typeof address === 'string' ? address : '');
    const isKey = typeof key === 'number' || typeof key === 'string';
    return isKey && read.ok ? { key, address: read.value } : undefined;
  } catch {
    return undefined;
  }
}
