/** How patient power is; milliseconds. The figures of the field: ironic waits 60 s for on and off, and 600 s for soft. */
export type PowerTimes = {
  /** One read, log in included: slow BMCs take 5 s for a login. */
  readonly readMs: number;
  /** One power command or boot setting. */
  readonly writeMs: number;
  /** From a command to its effect. */
  readonly effectMs: number;
  /** What a system gets to shut itself down. */
  readonly graceMs: number;
  /** Between off and on: capacitors empty, and Lenovo SR675 V3 hangs when it is turned on at once. */
  readonly restMs: number;
  /** After a reset, before the BMC is asked: earlier it still tells how it was. */
  readonly settleMs: number;
  /** Between looks, growing from the one to the other. */
  readonly lookMs: number;
  readonly lookCapMs: number;
  /** No program reboots a machine again sooner; people may. */
  readonly coolDownMs: number;
  /** How long a person may take to do what they are asked to. */
  readonly personMs: number;
};

export const POWER_TIMES: PowerTimes = {
  readMs: 15_000,
  writeMs: 20_000,
  effectMs: 60_000,
  graceMs: 120_000,
  restMs: 10_000,
  settleMs: 15_000,
  lookMs: 1000,
  lookCapMs: 5000,
  coolDownMs: 15 * 60_000,
  personMs: 60 * 60_000,
};
