/** Bounds on what the recorder keeps in memory and writes. */
export type RecorderLimits = {
  /** Attempts in progress; of which so many of MACs that are no machine of ours. The longest silent one is ended. */
  readonly live: number;
  readonly strangers: number;
  /** New attempts of strangers: so many at once, and then so many a second. */
  readonly strangerBurst: number;
  readonly strangersPerSecond: number;
  /** Events stored of one attempt; more only where they change the verdict, and at most twice as many. */
  readonly events: number;
  /** Log lines among them: a kernel alone writes a thousand. */
  readonly logs: number;
  /** Events waiting for the store. */
  readonly queue: number;
  /** Addresses whose holder is remembered, and for how long after it was last seen. */
  readonly addresses: number;
  readonly addressMs: number;
  /** Ended attempts whose URLs may still be asked for. */
  readonly ended: number;
  /** Datagrams kept of one attempt, bytes of one, and bytes of all together. */
  readonly packets: number;
  readonly packetBytes: number;
  readonly packetBytesInAll: number;
  readonly flushMs: number;
  readonly pruneMs: number;
  readonly keepMs: number;
  readonly keepAttempts: number;
};

export const RECORDER_LIMITS: RecorderLimits = {
  live: 20_000,
  strangers: 2000,
  strangerBurst: 2000,
  strangersPerSecond: 50,
  events: 1500,
  logs: 1200,
  queue: 50_000,
  addresses: 65_536,
  addressMs: 24 * 3600_000,
  ended: 2000,
  packets: 64,
  packetBytes: 1500,
  packetBytesInAll: 32 << 20,
  flushMs: 200,
  pruneMs: 10 * 60_000,
  keepMs: 30 * 86_400_000,
  keepAttempts: 20_000,
};
