/**
 * How many messages each source may send: a burst, and then a rate. Bounded: the source that was silent for longest is
 * forgotten, which gives it a new burst.
 */
export function sourceRates({
  burst,
  perSecond,
  sources,
}: {
  readonly burst: number;
  readonly perSecond: number;
  readonly sources: number;
}) {
  const rates = new Map<string, { tokens: number; at: number; dropped: number }>();
  return {
    /** May this one be taken? `missed` is how many of this source were refused since the last that was taken. */
    admit(source: string, now: number): { readonly admitted: boolean; readonly missed: number } {
      const rate = rates.get(source) ?? { tokens: burst, at: now, dropped: 0 };
      rates.delete(source);
      rates.set(source, rate);
      if (rates.size > sources) {
        for (const oldest of rates.keys()) {
          rates.delete(oldest);
          break;
        }
      }
      rate.tokens = Math.min(burst, rate.tokens + (Math.max(0, now - rate.at) / 1000) * perSecond);
      rate.at = now;
      if (rate.tokens < 1) {
        rate.dropped += 1;
        return { admitted: false, missed: 0 };
      }
      rate.tokens -= 1;
      const missed = rate.dropped;
      rate.dropped = 0;
      return { admitted: true, missed };
    },
  };
}
