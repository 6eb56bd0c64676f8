import type { Ipv4 } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';

/** Who holds, or held last, an address of a network. Times are milliseconds since the epoch. */
export type Binding = {
  readonly address: Ipv4;
  readonly key: string;
  readonly mac?: MacAddress;
  readonly hostname?: string;
  /** `declined`: something unknown uses it, so nobody gets it before `expiresAt`. */
  readonly state: 'bound' | 'released' | 'declined';
  readonly boundAt: number;
  /** Of a released one: when it was given back. */
  readonly expiresAt: number;
};

export const isCurrent = ({ state, expiresAt }: Binding, now: number): boolean => state === 'bound' && expiresAt > now;
