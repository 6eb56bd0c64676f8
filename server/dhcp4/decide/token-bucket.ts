/** At most `burst` at once and `perSecond` in the long run. Times in milliseconds, from the caller. */
export function tokenBucket({ burst, perSecond }: { readonly burst: number; readonly perSecond: number }) {
  let tokens = burst;
  let at = Number.NEGATIVE_INFINITY;

  return {
    take(now: number): boolean {
      if (now > at) {
        tokens = Math.min(burst, tokens + (Math.min(now - at, 3_600_000) / 1000) * perSecond);
        at = now;
      }
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
