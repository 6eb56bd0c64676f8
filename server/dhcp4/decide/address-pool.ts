import type { Ipv4Range } from '#machines/values/cidr.ts';
import { type Ipv4, ipv4FromNumber, ipv4ToNumber } from '#machines/values/ip-address.ts';
import type { Binding } from './binding.ts';
import { expiryQueue } from './expiry-queue.ts';

/** What is known of one address. `hold` is an offer: in memory only, and only for a minute. */
export type Slot = {
  readonly ip: Ipv4;
  readonly inPool: boolean;
  binding: Binding | undefined;
  hold: { readonly key: string; readonly until: number } | undefined;
  /** It may not be given to newcomers now; looked at again then. */
  asideUntil: number;
  queuedAt: number;
};

/** Nobody but `key` has a right to it at this time. */
export const isFreeFor = ({ binding, hold }: Slot, key: string, now: number): boolean =>
  (binding === undefined || binding.expiresAt <= now || (binding.key === key && binding.state === 'bound')) &&
  (hold === undefined || hold.until <= now || hold.key === key);

const SET_ASIDE_MS = 60_000;

/**
 * The addresses of a network. A pool of any size costs nothing before it is used: addresses are counted through once,
 * and from then on two queues know which one has been free for longest.
 */
export function addressPool({
  ranges,
  mayGive,
}: {
  readonly ranges: readonly Ipv4Range[];
  /** To a newcomer: it is nobody's reservation, no address of ours, not the router. */
  readonly mayGive: (ip: Ipv4) => boolean;
}) {
  const slots = new Map<Ipv4, Slot>();
  const bounds = ranges.map(({ first, last }) => ({ first: ipv4ToNumber(first), last: ipv4ToNumber(last) }));
  const freeAt = ({ binding, hold, asideUntil }: Slot): number =>
    Math.max(binding?.expiresAt ?? 0, hold?.until ?? 0, asideUntil);
  /** Those never leased go first: an address that was somebody's may still be in somebody's caches and logs. */
  const untouched = expiryQueue<Slot>(freeAt);
  const used = expiryQueue<Slot>(freeAt);
  let range = 0;
  let next = bounds[0]?.first ?? 0;

  function holds(ip: Ipv4): boolean {
    const number = ipv4ToNumber(ip);
    return bounds.some(({ first, last }) => number >= first && number <= last);
  }

  function slotOf(ip: Ipv4): Slot {
    const known = slots.get(ip);
    if (known) return known;
    const inPool = holds(ip);
    const slot: Slot = {
      ip,
      inPool,
      binding: undefined,
      hold: undefined,
      asideUntil: 0,
      queuedAt: Number.POSITIVE_INFINITY,
    };
    slots.set(ip, slot);
    if (inPool) untouched.add(slot);
    return slot;
  }

  /** The next address in order that nobody ever spoke of. */
  function nextNew(): Slot | undefined {
    for (;;) {
      const bound = bounds[range];
      if (!bound) return undefined;
      if (next > bound.last) {
        range++;
        next = bounds[range]?.first ?? 0;
        continue;
      }
      const ip = ipv4FromNumber(next++);
      if (!slots.has(ip)) return slotOf(ip);
    }
  }

  /** One that may not be given is set aside, so that it is not asked about with each packet. */
  function givable(slot: Slot, now: number): boolean {
    if (mayGive(slot.ip)) return true;
    slot.asideUntil = now + SET_ASIDE_MS;
    return false;
  }

  function firstOf(queue: typeof used, now: number): Slot | undefined {
    for (let slot = queue.first(now); slot; slot = queue.first(now)) if (givable(slot, now)) return slot;
    return undefined;
  }

  return {
    /** Is it among the addresses that this pool gives? */
    holds,
    slot: slotOf,
    known: (ip: Ipv4): Slot | undefined => slots.get(ip),
    slots: (): Iterable<Slot> => slots.values(),

    bind(slot: Slot, binding: Binding): void {
      if (!slot.binding) untouched.remove(slot);
      slot.binding = binding;
      if (slot.inPool) used.add(slot);
    },

    /** An address for a newcomer: one never leased, else the one that has been free for longest. It is not taken yet. */
    candidate(now: number): Slot | undefined {
      const offeredBefore = firstOf(untouched, now);
      if (offeredBefore) return offeredBefore;
      for (let slot = nextNew(); slot; slot = nextNew()) if (givable(slot, now)) return slot;
      return firstOf(used, now);
    },
  };
}
export type AddressPool = ReturnType<typeof addressPool>;
