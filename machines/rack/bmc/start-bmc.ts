import { createSecureContext, type SecureContext } from 'node:tls';
import { type BmcCredentials, type Board, openBoard } from './board.ts';
import { type BmcCertificate, makeBmcCertificate } from './certificate.ts';
import type { BmcFault } from './faults.ts';
import type { BmcHardware } from './hardware.ts';
import { listenIpmi } from './ipmi/endpoint.ts';
import { listenHttps } from './listener.ts';
import { POWER_TIMES, type PowerTimes } from './power.ts';
import type { PowerBackend } from './power-backend.ts';
import { BMC_PROFILES, type BmcProfile, type BmcQuirk } from './quirks.ts';
import { redfishServer } from './redfish/server.ts';
import { openSessions } from './redfish/sessions.ts';
import { openTasks } from './redfish/tasks.ts';

/** Without root: 443 and 623 are a real BMC's. */
export type BmcPorts = { readonly redfish: number; readonly ipmi: number };
export const BMC_PORTS: BmcPorts = { redfish: 8443, ipmi: 6623 };

/** TLS contexts that BMCs may share: the one they show, and the one they show after a change. */
export type BmcTls = { readonly context: SecureContext; readonly other: SecureContext };

export async function bmcTls(certificate: BmcCertificate): Promise<BmcTls> {
  const other = await makeBmcCertificate('bmc-replaced.simulated');
  return { context: createSecureContext(certificate), other: createSecureContext(other) };
}

export type Bmc = AsyncDisposable & {
  /** `https://127.78.0.1:8443` */
  readonly url: string;
  /** `127.78.0.1:6623` */
  readonly ipmi: string;
  readonly board: Board;
  /** What is wrong with it now; may be changed while it runs. */
  readonly faults: Set<BmcFault>;
};

/**
 * One BMC on sockets of its own, by Redfish and by IPMI, until it is disposed of or the signal aborts; its machine is
 * the caller's. Ports of 0 take free ones. Rejects when it cannot listen.
 */
export async function startBmc(options: {
  readonly identity: BmcHardware;
  readonly backend: PowerBackend;
  readonly address: string;
  readonly ports?: BmcPorts;
  readonly profile?: BmcProfile;
  /** Beside those of the profile. */
  readonly quirks?: readonly BmcQuirk[];
  readonly faults?: readonly BmcFault[];
  readonly credentials: BmcCredentials;
  /** IPMI's K_g, 20 bytes. */
  readonly kg?: Uint8Array;
  /** A fresh certificate where none is given. */
  readonly tls?: BmcTls;
  readonly times?: PowerTimes;
  readonly now?: () => number;
  readonly random?: () => number;
  readonly signal: AbortSignal;
}): Promise<Bmc> {
  const { identity, backend, address, ports = BMC_PORTS, profile = BMC_PROFILES.plain, credentials } = options;
  const { times = POWER_TIMES, now = Date.now, random = Math.random } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const faults = new Set(options.faults);
  const quirks = new Set([...profile.quirks, ...(options.quirks ?? [])]);
  const tls = options.tls ?? (await bmcTls(await makeBmcCertificate()));
  const board = openBoard({
    hardware: identity,
    profile,
    quirks,
    faults,
    credentials,
    backend,
    times,
    address,
    now,
    signal,
  });
  const sessions = openSessions({ limit: profile.sessions, idleSeconds: profile.sessionSeconds, now });
  const tasks = openTasks({ now, appearsLate: quirks.has('jobs-appear-late'), lateMs: times.onMs });
  let awayUntil = 0;
  const isAway = (): boolean => now() < awayUntil;
  board.onRestart(() => {
    awayUntil = now() + times.restartMs;
    sessions.closeAll();
  });

  await using opened = new AsyncDisposableStack();
  const http = redfishServer({ board, sessions, tasks }, signal);
  const https = opened.use(
    await listenHttps({
      address,
      port: ports.redfish,
      http,
      context: () => (faults.has('other-certificate') ? tls.other : tls.context),
      isDead: () => faults.has('drops-tcp') || isAway(),
    }),
  );
  const ipmi = opened.use(
    await listenIpmi({ board, address, port: ports.ipmi, kg: options.kg, now, isAway, random, signal }),
  );
  Object.assign(board.ports, { redfish: https.port, ipmi: ipmi.port });
  const running = opened.move();
  const dispose = async (): Promise<void> => {
    stop.abort();
    await running.disposeAsync();
    await board.power.settled();
  };
  options.signal.addEventListener('abort', () => void dispose(), { once: true });
  return {
    url: `https://${address}:${https.port}`,
    ipmi: `${address}:${ipmi.port}`,
    board,
    faults,
    [Symbol.asyncDispose]: dispose,
  };
}
