import type { Ipv4 } from '#machines/values/ip-address.ts';
import { type AddressPool, addressPool, isFreeFor, type Slot } from './address-pool.ts';
import { type Binding, isCurrent } from './binding.ts';
import type { Network, Networks } from './network.ts';

export type Choice =
  | {
      readonly kind: 'address';
      readonly ip: Ipv4;
      readonly from: 'reservation' | 'binding' | 'offer' | 'previous' | 'requested' | 'pool';
      /** It belongs to this client already, so there is no need to ask the network whether somebody uses it. */
      readonly known: boolean;
    }
  | { readonly kind: 'taken'; readonly ip: Ipv4; readonly by: string }
  | { readonly kind: 'exhausted' };

/** How long an offered address is kept for whom it was offered to. Clients choose within seconds. */
export const HOLD_MS = 60_000;

export type LeaseTable = ReturnType<typeof leaseTable>;

/**
 * Leases and offers in memory, by network. A hint and not the truth: what is durable is the store's to say. Nothing here
 * asks a clock; `now` is milliseconds since the epoch.
 */
export function leaseTable({
  networks,
  mayGive,
}: {
  readonly networks: Networks;
  /** May a client without a claim to this address get it? */
  readonly mayGive: (ip: Ipv4) => boolean;
}) {
  type Place = { readonly pool: AddressPool; readonly bound: Map<string, Slot>; readonly held: Map<string, Slot> };
  const places = new Map<string, Place>(
    networks.all.map((network) => [
      network.name,
      {
        pool: addressPool({
          ranges: network.document.pools,
          mayGive: (ip) => ip !== network.document.router && ip !== network.broadcast && mayGive(ip),
        }),
        bound: new Map(),
        held: new Map(),
      },
    ]),
  );

  function placeOf({ name }: Network): Place {
    const place = places.get(name);
    if (!place) throw new Error(`network ${name} is not among those the table was made for`);
    return place;
  }

  function dropHold(network: Network, key: string): void {
    const { held } = placeOf(network);
    const slot = held.get(key);
    if (!slot) return;
    held.delete(key);
    if (slot.hold?.key === key) slot.hold = undefined;
  }

  return {
    /** The newest binding of a client in a network, also an expired or released one. */
    bindingOf(network: Network, key: string): Binding | undefined {
      return placeOf(network).bound.get(key)?.binding;
    },

    bindingAt(network: Network, ip: Ipv4): Binding | undefined {
      return placeOf(network).pool.known(ip)?.binding;
    },

    heldBy(network: Network, key: string, now: number): Ipv4 | undefined {
      const slot = placeOf(network).held.get(key);
      return slot?.hold && slot.hold.key === key && slot.hold.until > now ? slot.ip : undefined;
    },

    /** Who has a right to the address now, if not `key`. */
    otherHolder(network: Network, ip: Ipv4, key: string, now: number): string | undefined {
      const slot = placeOf(network).pool.known(ip);
      if (!slot || isFreeFor(slot, key, now)) return undefined;
      const { binding, hold } = slot;
      return binding && binding.expiresAt > now && binding.key !== key ? binding.key : (hold?.key ?? binding?.key);
    },

    /** Is it an address that a client without a reservation may have here? */
    isInPool(network: Network, ip: Ipv4): boolean {
      return placeOf(network).pool.holds(ip) && mayGive(ip);
    },

    /**
     * RFC 2131 §4.3.1, with reservations first: the client's current address, the one it had before if that is free,
     * the one it asks for, then any.
     */
    choose(
      network: Network,
      client: {
        readonly key: string;
        readonly reservation: Ipv4 | undefined;
        readonly requested: Ipv4 | undefined;
      },
      now: number,
    ): Choice {
      const { key, reservation, requested } = client;
      const { pool, bound, held } = placeOf(network);
      if (reservation !== undefined) {
        const slot = pool.slot(reservation);
        const by = isFreeFor(slot, key, now) ? undefined : (slot.binding?.key ?? slot.hold?.key ?? '');
        if (by !== undefined) return { kind: 'taken', ip: reservation, by };
        return { kind: 'address', ip: reservation, from: 'reservation', known: true };
      }
      const own = bound.get(key);
      if (own?.binding?.key === key && own.inPool && mayGive(own.ip) && isFreeFor(own, key, now)) {
        const from = isCurrent(own.binding, now) ? 'binding' : 'previous';
        return { kind: 'address', ip: own.ip, from, known: true };
      }
      const offered = held.get(key);
      if (offered?.hold?.key === key && isFreeFor(offered, key, now) && mayGive(offered.ip)) {
        return { kind: 'address', ip: offered.ip, from: 'offer', known: offered.hold.until > now };
      }
      if (requested !== undefined && this.isInPool(network, requested)) {
        const slot = pool.slot(requested);
        if (isFreeFor(slot, key, now) && slot.asideUntil <= now) {
          return { kind: 'address', ip: requested, from: 'requested', known: false };
        }
      }
      const slot = pool.candidate(now);
      return slot ? { kind: 'address', ip: slot.ip, from: 'pool', known: false } : { kind: 'exhausted' };
    },

    /** Keeps an offered address for its client; another one that was offered to it before is free again. */
    hold(network: Network, ip: Ipv4, key: string, now: number): void {
      const { pool, held } = placeOf(network);
      if (held.get(key)?.ip !== ip) dropHold(network, key);
      const slot = pool.slot(ip);
      if (slot.hold && slot.hold.key !== key) dropHold(network, slot.hold.key);
      slot.hold = { key, until: now + HOLD_MS };
      held.set(key, slot);
    },

    dropHold,

    /** Not for newcomers until then. */
    setAside(network: Network, ip: Ipv4, until: number): void {
      placeOf(network).pool.slot(ip).asideUntil = until;
    },

    /** What the store has accepted. An earlier address of the same client is free from now on. */
    set(network: Network, binding: Binding): void {
      const { pool, bound } = placeOf(network);
      const { key, address, state, boundAt } = binding;
      dropHold(network, key);
      const slot = pool.slot(address);
      const before = slot.binding;
      if (before && before.key !== key && bound.get(before.key) === slot) bound.delete(before.key);
      const former = bound.get(key);
      if (state === 'bound' && former?.binding && former !== slot) {
        pool.bind(former, { ...former.binding, state: 'released', expiresAt: boundAt });
      }
      if (state !== 'declined') bound.set(key, slot);
      else if (former === slot) bound.delete(key);
      pool.bind(slot, binding);
    },

    /** For counting and for tests. */
    *bindings(): Iterable<{ readonly network: string; readonly binding: Binding }> {
      for (const [network, { pool }] of places) {
        for (const { binding } of pool.slots()) if (binding) yield { network, binding };
      }
    },
  };
}
