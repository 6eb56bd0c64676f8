/** How every `ingot` command ends, for scripts. */
export const EXIT = {
  done: 0,
  /** It failed, or `diff` found differences, or `doctor` found something wrong. */
  failed: 1,
  /** Bad input or configuration: `FILE:LINE:COL: text` on standard error. */
  badInput: 2,
  notFound: 3,
  daemonUnreachable: 4,
  /** By safety, state or rights. */
  refused: 5,
} as const;
