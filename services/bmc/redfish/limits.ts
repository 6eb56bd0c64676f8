/** How long and how much a Redfish service is given. Milliseconds and bytes; a verb's own signal may end it earlier. */
export type RedfishLimits = {
  /** TCP and TLS together. */
  readonly connectMs: number;
  /** One request, from its first byte to the last of its answer. */
  readonly answerMs: number;
  /** All that opening a driver asks. */
  readonly openMs: number;
  /** The last request of a session. A BMC that hangs keeps nobody. */
  readonly logoutMs: number;
  /** How long a task is watched before the answer "taken" has to do. */
  readonly taskMs: number;
  /** How long a task may be missing before it was ever seen: Dell's job paths are 404 at first. */
  readonly taskAppearsMs: number;
  /** Between two looks at a task whose BMC does not say when to come. */
  readonly taskPollMs: number;
  /** Before a setting that was not there yet is read once more. */
  readonly readBackMs: number;
  /** Longest answer. A full log of an iDRAC is about 2 MiB. */
  readonly bodyBytes: number;
  /** Requests for one inventory or one log: paging that never ends does. */
  readonly requests: number;
};

/** ironic waits 30 s for a connection and 60 s for an answer, libredfish 10 s and 60 s. */
export const REDFISH_LIMITS: RedfishLimits = {
  connectMs: 10_000,
  answerMs: 60_000,
  openMs: 60_000,
  logoutMs: 3000,
  taskMs: 30_000,
  taskAppearsMs: 10_000,
  taskPollMs: 1000,
  readBackMs: 2000,
  bodyBytes: 8 << 20,
  requests: 400,
};
