/** A stranger's packets cost nothing to send, so new attempts of theirs have a rate: a burst, then so many a second. */
export function strangerAdmission(
  { strangerBurst, strangersPerSecond }: { readonly strangerBurst: number; readonly strangersPerSecond: number },
  start: number,
) {
  let tokens = strangerBurst;
  let at = start;
  let refusing = false;
  return {
    /** `first`: the first refusal after an admission, to be told once. */
    admit(now: number): 'admitted' | 'refused' | 'first-refusal' {
      tokens = Math.min(strangerBurst, tokens + (Math.max(0, now - at) / 1000) * strangersPerSecond);
      at = now;
      if (tokens < 1) {
        const first = !refusing;
        refusing = true;
        return first ? 'first-refusal' : 'refused';
      }
      tokens -= 1;
      refusing = false;
      return 'admitted';
    },
  };
}
