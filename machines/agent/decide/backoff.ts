/**
 * How long to wait before a try, the first of which is 0: doubling up to a minute, half of it at random (0 to 1), so
 * that a rack that lost its daemon does not come back all at once.
 */
export function backoffMs(tries: number, random: number): number {
  const ceiling = Math.min(60_000, 1000 * 2 ** Math.min(tries, 6));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
