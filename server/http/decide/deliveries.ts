import type { AssetRole } from '#machines/decide/boot-path.ts';

/** Which assets an attempt must have got whole before its grant is spent. */
export type Wanted = { readonly role: 'kernel' | 'efi'; readonly initrds: number };

/** How far an attempt's assets have been sent from their first byte on, by name. */
export type Deliveries = ReadonlyMap<string, Delivery>;
type Delivery = { readonly sent: number; readonly size: number };

const keyOf = (role: AssetRole, index: number): string => `${role} ${index}`;

/**
 * Bytes `start` to `end` were sent. A download that was broken off and resumed counts as whole; one that lacks a piece
 * does not. Another size means another file, and it starts anew.
 */
export function delivered(
  deliveries: Deliveries,
  sent: {
    readonly role: AssetRole;
    readonly index: number;
    readonly start: number;
    readonly end: number;
    readonly size: number;
  },
): Deliveries {
  const key = keyOf(sent.role, sent.index);
  const before = deliveries.get(key);
  const soFar = before?.size === sent.size ? before.sent : 0;
  const next = sent.start <= soFar ? Math.max(soFar, sent.end) : soFar;
  return new Map(deliveries).set(key, { sent: next, size: sent.size });
}

/** Kernel and last initrd were sent whole. The initrds before the last need not be asked about: iPXE loads in order. */
export function isComplete(deliveries: Deliveries, wanted: Wanted): boolean {
  const whole = (role: AssetRole, index: number): boolean => {
    const delivery = deliveries.get(keyOf(role, index));
    return delivery !== undefined && delivery.sent >= delivery.size;
  };
  return whole(wanted.role, 0) && (wanted.initrds === 0 || whole('initrd', wanted.initrds - 1));
}
