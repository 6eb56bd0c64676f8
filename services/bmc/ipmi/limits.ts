/** How patient the client is; milliseconds. BMCs answer within 5 to 200 ms, and slow ones take seconds for a login. */
export type IpmiLimits = {
  /** Waits after each send of a message that opens a session; IPMI v2.0 §13.15 leaves the count to us. */
  readonly setupMs: readonly number[];
  /** The same for what a BMC may leave unanswered: its list of cipher suites. */
  readonly optionalMs: readonly number[];
  /** Waits after each send of a request that may be sent again. */
  readonly answerMs: readonly number[];
  /** The one wait after a request that may not. */
  readonly onceMs: number;
  /** Waits after each send of Close Session. */
  readonly closeMs: readonly number[];
  /** Between repetitions of a request that the BMC was too busy for. */
  readonly busyMs: readonly number[];
  /** A session that was not used for so long is closed. BMCs drop it after 60 s (IPMI v2.0 §6.12.15). */
  readonly idleMs: number;
  /** Within a console, something is said at least this often. */
  readonly keepAliveMs: number;
  /** Waits after each send of a packet of a console. */
  readonly consoleMs: readonly number[];
};

/** All sends of one request and of one new login fit into a read of 15 s. */
export const IPMI_LIMITS: IpmiLimits = {
  setupMs: [1000, 1500, 2500],
  optionalMs: [500, 1000],
  answerMs: [1000, 1500, 2000],
  onceMs: 10_000,
  closeMs: [250, 500],
  busyMs: [300, 700, 1500],
  idleMs: 45_000,
  keepAliveMs: 20_000,
  consoleMs: [500, 1000, 1000, 2000, 2000],
};
