/** Bounds of a log receiver: anybody on the network can send to it. */
export type LogLimits = {
  /** Of one message; the rest of a longer one is thrown away. */
  readonly messageBytes: number;
  readonly connections: number;
  readonly connectionsPerSource: number;
  /** A connection that brings nothing for so long is closed. */
  readonly idleMs: number;
  /** Messages of one source: so many at once (a kernel sends all of its start), then so many a second. */
  readonly burst: number;
  readonly perSecond: number;
  /** Sources whose rate is followed. */
  readonly sources: number;
};

export const LOG_LIMITS: LogLimits = {
  messageBytes: 8192,
  connections: 2048,
  // Many machines may stand behind one address.
  connectionsPerSource: 64,
  idleMs: 30 * 60_000,
  burst: 5000,
  perSecond: 200,
  sources: 10_000,
};
