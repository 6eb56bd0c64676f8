/** After the last of them a delivery is dead: about two hours. */
export const MAX_TRIES = 12;
const FIRST_MS = 1000;
const LONGEST_MS = 30 * 60 * 1000;

/** What a try came to. */
export type TryResult =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterMs?: number }
  | { readonly kind: 'no-answer'; readonly because: string };

export type Verdict =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'again'; readonly afterMs: number; readonly because: string }
  | { readonly kind: 'dead'; readonly because: string };

/**
 * What becomes of a delivery after its `tries`-th try. Waits double, and are drawn between half and the whole of it, so
 * that a thousand deliveries to a receiver that was away do not come back at the same moment. `chance` is from [0, 1).
 */
export function afterTry(result: TryResult, tries: number, chance: number): Verdict {
  if (result.kind === 'answered' && result.status >= 200 && result.status < 300) return { kind: 'delivered' };
  const because = becauseOf(result);
  // RFC 9110 §15.5.11: it says itself that nobody need come again.
  if (result.kind === 'answered' && result.status === 410) return { kind: 'dead', because };
  if (tries >= MAX_TRIES) return { kind: 'dead', because: `${because}, ${tries} times` };
  const whole = Math.min(FIRST_MS * 2 ** (tries - 1), LONGEST_MS);
  const drawn = Math.round(whole / 2 + (whole / 2) * chance);
  const asked = result.kind === 'answered' ? (result.retryAfterMs ?? 0) : 0;
  return { kind: 'again', afterMs: Math.min(Math.max(drawn, asked), LONGEST_MS), because };
}

function becauseOf(result: TryResult): string {
  if (result.kind === 'no-answer') return result.because;
  if (result.status >= 300 && result.status < 400) {
    return `it answered ${result.status}: what it redirects to is not the address that was named, and is not asked`;
  }
  return `it answered ${result.status}, want 2xx`;
}
