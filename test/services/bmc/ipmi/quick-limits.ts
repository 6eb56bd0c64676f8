import type { IpmiLimits } from '#services/bmc/ipmi/limits.ts';

/** For tests in which somebody does not answer: loopback needs no second. */
export const QUICK: IpmiLimits = {
  setupMs: [100, 150, 250],
  optionalMs: [100, 100],
  answerMs: [100, 150, 250],
  onceMs: 400,
  closeMs: [50, 100],
  busyMs: [10, 20, 30],
  idleMs: 45_000,
  keepAliveMs: 20_000,
  consoleMs: [100, 100, 100, 200, 300],
};

/** For other programs, which get no turn for a while on a machine that is busy. */
export const STEADY: IpmiLimits = {
  ...QUICK,
  setupMs: [100, 200, 400, 3000],
  optionalMs: [100, 300],
  answerMs: [100, 200, 400, 3000],
  onceMs: 5000,
  consoleMs: [100, 200, 400, 1000, 3000],
};

/** The same where an order may be lost, and is waited for in vain. */
export const LOSSY: IpmiLimits = { ...STEADY, onceMs: 1000 };
