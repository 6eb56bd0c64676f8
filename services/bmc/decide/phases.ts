/** The golden ratio's fraction: however many there are, its multiples lie evenly in 0 to 1. */
const GOLDEN = 0.618_033_988_749_894_9;

/** When in a period the n-th of many is due, milliseconds from its beginning. */
export const phaseMs = (n: number, periodMs: number): number => ((n * GOLDEN) % 1) * periodMs;
