/** What a check found. A finding that is not `ok` says what to do about it. */
export type Finding =
  | { readonly level: 'ok'; readonly check: string; readonly text: string }
  | {
      readonly level: 'warning' | 'error';
      readonly check: string;
      readonly text: string;
      readonly fix: string;
      /** `FILE:LINE:COL` of the setting that is wrong, where there is one. */
      readonly where?: string;
    };

/** One look at the machine. Bounded by the signal; a check that cannot look says so as a warning. */
export type Check = { readonly name: string; run(signal: AbortSignal): Promise<readonly Finding[]> };

export const fine = (check: string, text: string): Finding => ({ level: 'ok', check, text });
export const warning = (check: string, text: string, fix: string, where?: string): Finding => ({
  level: 'warning',
  check,
  text,
  fix,
  ...(where === undefined ? {} : { where }),
});
export const failure = (check: string, text: string, fix: string, where?: string): Finding => ({
  ...(warning(check, text, fix, where) as Extract<Finding, { level: 'warning' | 'error' }>),
  level: 'error',
});

/** Nothing a check does is worth waiting longer for. */
const CHECK_LIMIT_MS = 15_000;

/** Runs all checks side by side, findings in the order of the checks. A check that throws is a finding itself. */
export async function examine(checks: readonly Check[], signal: AbortSignal): Promise<readonly Finding[]> {
  const results = await Promise.all(
    checks.map(async (check) => {
      try {
        return await check.run(AbortSignal.any([signal, AbortSignal.timeout(CHECK_LIMIT_MS)]));
      } catch (cause) {
        const text = cause instanceof Error ? cause.message : String(cause);
        return [warning(check.name, `could not look: ${text}`, 'run `ingot doctor` as root, or check this by hand')];
      }
    }),
  );
  return results.flat();
}
