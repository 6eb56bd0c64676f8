import type { IpAddress } from '#machines/values/ip-address.ts';
import { sourceRates } from '../logs/source-rates.ts';

/** Refusals that are worth a line each; beyond that a flood of them is counted in the next one. */
const REFUSED_RATE = { burst: 20, perSecond: 0.2, sources: 20_000 } as const;
/** From all of them: a network of IPv6 has more addresses than the audit log has room for. */
const ALL_REFUSED_RATE = { burst: 500, perSecond: 1, sources: 1 } as const;

/**
 * Which refusals get a line in the audit log. Gives what is to be added to it, empty or how many more there were from the
 * address since its last line; undefined where there is to be none.
 */
export function toldRefusals(now: () => number): (peer: IpAddress) => string | undefined {
  const each = sourceRates(REFUSED_RATE);
  const all = sourceRates(ALL_REFUSED_RATE);
  return (peer) => {
    const { admitted, missed } = each.admit(peer, now());
    if (!admitted || !all.admit('all', now()).admitted) return undefined;
    return missed > 0 ? `; and ${missed} more from there were refused` : '';
  };
}
