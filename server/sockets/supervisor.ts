import { loadUnixDatagrams } from './unix-datagram.ts';

/** Whoever started us and wants to hear how we are: systemd, or nobody. */
export type Supervisor = {
  /** Every so often, ms, a sign of life is wanted; nothing where none is. */
  readonly watchdogMs: number | undefined;
  /** Never throws: what cannot be told is no reason to end. */
  notify(state: Readonly<Record<string, string | number>>): void;
};

/**
 * The protocol of sd_notify(3): one datagram of `NAME=VALUE` lines to the socket that `NOTIFY_SOCKET` names, which begins
 * with @ where it has no file. Without that variable, or where there is no way to such sockets, nothing is told.
 */
export async function openSupervisor(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): Promise<Supervisor> {
  const path = env['NOTIFY_SOCKET'] ?? '';
  const datagrams = /^[@/]/.test(path) ? await loadUnixDatagrams() : undefined;
  const watchdogUs = Number(env['WATCHDOG_USEC']);
  const forUs = env['WATCHDOG_PID'] === undefined || Number(env['WATCHDOG_PID']) === pid;
  return {
    watchdogMs: datagrams && forUs && watchdogUs > 0 ? watchdogUs / 1000 : undefined,
    notify(state) {
      const lines = Object.entries(state).map(([name, value]) => `${name}=${String(value).replaceAll('\n', ' ')}`);
      datagrams?.send(path, lines.join('\n'));
    },
  };
}

/** CLOCK_MONOTONIC in µs, with which `RELOADING=1` comes (sd_notify(3)). */
export const monotonicUs = (): bigint => process.hrtime.bigint() / 1000n;
