import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentRegistration } from '../contract/agent.ts';
import { VERSION } from '../contract/version.ts';
import type { AgentParts } from './agent.ts';
import { agentHandlers } from './api/handlers.ts';
import { type MachineApiServer, serveMachineApi } from './api/server.ts';
import { DaemonError, openDaemon, type Welcome } from './daemon.ts';
import { backoffMs } from './decide/backoff.ts';
import type { Settings } from './decide/command-line.ts';
import { plainText } from './decide/kernel-log.ts';
import { doingOf, statusOf, type Standing } from './decide/standing.ts';
import { STATE_TYPES, stateResources } from './decide/state-resources.ts';
import { operationsOn } from './disks/operations.ts';
import { openEvents } from './events.ts';
import { openHardware } from './hardware.ts';
import { openHardwareReader, type ReadIdentity } from './hardware-reader.ts';
import type { Host } from './host.ts';
import type { KernelLog } from './kernel-log.ts';
import type { AgentLog } from './log.ts';
import { openLogSender } from './log-sender.ts';
import type { MachineKey } from './machine-key.ts';
import type { Network } from './network.ts';
import { openResources } from './resources.ts';
import { openRenewal } from './renewal.ts';
import { openRestarts } from './restarts.ts';
import { runSession } from './session.ts';
import { shownOperations } from './shown-operations.ts';
import type { StandingBoard } from './standing.ts';

/** How long a machine that leaves may take for its last lines, and to say so. */
const FAREWELL_MS = 2000;
/** A machine that is still there so long after its end was begun has not ended. */
const RESTART_MS = 60_000;
/** As many tries as bring the longest wait: for what only a person can put right. */
const SLOW = 6;
/** A session that lasted that long is no sign of a daemon that takes and forgets us in turns. */
const STEADY_MS = 60_000;
/** The daemon tells its time in whole seconds. */
const CLOCK_MS = 2000;

export type RegisteredParts = AgentParts & {
  readonly commandLine: string;
  readonly settings: Settings;
  readonly network: Network;
  readonly token: string;
  readonly identity: Awaited<ReturnType<ReadIdentity>>;
  readonly key: MachineKey;
  readonly standing: StandingBoard;
  readonly log: AgentLog;
  readonly kernel: KernelLog;
  readonly patience: number;
  readonly signal: AbortSignal;
};

/**
 * Registers, serves the machine API with the certificate that it was given, and holds the session; again from the
 * beginning whenever the session is over. Operations on disks go on through all of it.
 */
export async function runRegistered(parts: RegisteredParts): Promise<never> {
  const { host, definition, standing, log, kernel, settings, network, patience, signal } = parts;
  const random = () => (host.randomBytes(1)[0] ?? 0) / 256;
  const { url, pin, bootMac } = settings;
  const from = parts.localAddress === undefined ? {} : { localAddress: parts.localAddress };
  using daemon = openDaemon({ url, pin, random, ...from });
  const events = openEvents({ definition, host });
  const hardware = openHardware();
  const resources = openResources({ definition, now: () => host.now() });
  const reader = openHardwareReader({ ...parts, bootMac, hardware, resources });
  const sender = openLogSender({ kernel, log, uptimeMs: () => host.uptimeMs(), random, patience });
  let session = '';
  const work = operationsOn({
    disks: parts.disks,
    fetch: (path, inner) => daemon.fetch(() => session, path, inner),
    now: () => host.now(),
    log: (text) => log.info(text),
  });
  const operations = shownOperations(work, { standing, log });
  let leaving = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  let server: MachineApiServer | undefined;
  const restarts = openRestarts({
    host,
    events,
    log,
    async leave(how) {
      standing.change({ restarting: how });
      leaving.abort();
      await running;
      const soon = AbortSignal.timeout(FAREWELL_MS);
      await sender.flush((logs) => daemon.logs(session, logs, soon)).catch(() => {});
      // The last word: whatever came after it would be a sign of life.
      const last = AbortSignal.timeout(FAREWELL_MS);
      await daemon.status(session, statusOf(standing.current()), last).catch(() => {});
      await server?.[Symbol.asyncDispose]();
      server = undefined;
    },
  });
  const handlers = agentHandlers({ host, kernel, log, events, restarts, hardware, resources, operations, reader });
  const stopShowing = showState({ ...parts, resources, secureBoot: () => hardware.current()?.secureBoot ?? false });

  try {
    for (let tries = 0; ; ) {
      standing.change({ base: { stage: 'registering', text: `registering at ${url.host}` } });
      try {
        const welcome = await daemon.register(parts.token, registrationOf(parts), signal);
        session = welcome.session;
        await setClock(host, welcome, log);
        await takeName(host, welcome, log);
        const names = [welcome.machine, ...addressesOf(network)];
        await server?.[Symbol.asyncDispose]();
        const serving = await serveMachineApi({
          definition,
          ...handlers,
          ...parts.listen,
          certificate: welcome.certificate,
          key: parts.key.key,
          ca: welcome.ca,
          isOurself: (name) => names.includes(name),
          log,
        });
        server = serving;
        const renewal = openRenewal({
          certificate: welcome.certificate,
          now: () => host.now(),
          ask: (inner) => daemon.certificate(welcome.session, parts.key.csr, inner),
          take: (certificate) => serving.renew(certificate),
          log,
        });
        standing.change({
          base: { stage: 'waiting', text: `waiting as ${welcome.machine}, machine API on port ${serving.port}` },
          machine: welcome.machine,
          addresses: shownAddresses(network),
          trouble: undefined,
        });
        events.publish('machine.AddressEvent', { hostname: welcome.machine, addresses: names.slice(1) });
        events.publish('machine.MachineStatusEvent', { stage: 'MAINTENANCE', status: { ready: true } });
        const holding = runSession({
          daemon,
          session,
          heartbeatMs: welcome.heartbeatSeconds * 1000,
          standing,
          log,
          sender,
          hardware,
          reader,
          operations,
          restarts,
          renewal,
          random,
          patience,
          hasMoved: () => !addressesOf(network).includes(welcome.calledFrom),
          signal: AbortSignal.any([signal, leaving.signal]),
        });
        running = holding.catch(() => {});
        const since = host.uptimeMs();
        const end = await holding;
        signal.throwIfAborted();
        if (host.uptimeMs() - since > STEADY_MS) tries = 0;
        if (end === 'stopped') {
          await sleep(RESTART_MS * patience, undefined, { signal });
          log.error('the machine was to end, and is still here');
          standing.change({ restarting: undefined });
          leaving = new AbortController();
        } else {
          log.warn(
            end === 'moved'
              ? `the address ${welcome.calledFrom} is gone`
              : 'the daemon does not know this session any more',
          );
          await sleep(backoffMs(tries++, random()) * patience, undefined, { signal });
        }
      } catch (cause) {
        signal.throwIfAborted();
        const { because, slow } = troubleOf(cause, url);
        standing.change({ trouble: because });
        await sleep(backoffMs(slow ? SLOW : tries++, random()) * patience, undefined, { signal });
      }
    }
  } finally {
    stopShowing();
    await server?.[Symbol.asyncDispose]();
  }
}

const addressesOf = (network: Network): string[] => network.addresses().map(({ address }) => address);

export const shownAddresses = (network: Network): string[] =>
  network.addresses().map(({ address, prefixLength, link }) => `${address}/${prefixLength} on ${link}`);

function registrationOf({ settings, network, identity, key, listen }: RegisteredParts): AgentRegistration {
  const { macs, uuid, serial } = identity;
  return {
    attempt: settings.attempt,
    version: VERSION,
    csr: key.csr,
    addresses: addressesOf(network).slice(0, 64),
    bootMac: settings.bootMac,
    macs: macs.slice(0, 1024),
    ...(uuid === undefined ? {} : { uuid: plainText(uuid) }),
    ...(serial === undefined ? {} : { serial: plainText(serial) }),
    port: listen.port,
  };
}

/** What a person reads of it, and whether it takes one to put it right. */
function troubleOf(cause: unknown, url: URL): { readonly because: string; readonly slow: boolean } {
  if (!(cause instanceof DaemonError)) return { because: plainText(String(cause)), slow: false };
  switch (cause.code) {
    case 'unknown':
      return {
        because: `${url.host} does not take this boot's token: it is spent, expired or of another address. Boot the machine again by the daemon`,
        slow: true,
      };
    case 'untrusted':
      return { because: `${url.host} is not the daemon that this machine was booted by: ${cause.message}`, slow: true };
    case 'unreachable':
    case 'refused':
    case 'failed':
      return { because: plainText(cause.message), slow: false };
    default:
      return cause.code satisfies never;
  }
}

/** Certificates are valid by the clock, and a machine's own may say 1980. */
async function setClock(host: Host, { daemonTime }: Welcome, log: AgentLog): Promise<void> {
  if (daemonTime === undefined || Math.abs(daemonTime - host.now()) <= CLOCK_MS) return;
  try {
    const before = new Date(host.now()).toISOString();
    await host.setClock(daemonTime);
    log.info(`the clock said ${before}, and is set by the daemon's`);
  } catch (cause) {
    log.warn(`the clock could not be set: ${String(cause)}`);
  }
}

async function takeName(host: Host, { machine }: Welcome, log: AgentLog): Promise<void> {
  if (host.hostname() === machine) return;
  await host.setHostname(machine).catch((cause: unknown) => log.warn(`no host name: ${String(cause)}`));
}

/** Keeps the resources of the machine API at what the board says. */
function showState(
  parts: Pick<RegisteredParts, 'host' | 'standing' | 'commandLine'> & {
    readonly resources: ReturnType<typeof openResources>;
    readonly secureBoot: () => boolean;
  },
): () => void {
  const { host, standing, commandLine, resources } = parts;
  const show = () => {
    const { stage } = doingOf(standing.current());
    const ending = stage === 'rebooting' || stage === 'shutting-down';
    resources.replace(
      STATE_TYPES,
      stateResources({
        hostname: host.hostname(),
        addresses: host.addresses(),
        version: VERSION,
        commandLine,
        secureBoot: parts.secureBoot(),
        stage: ending ? (stage === 'rebooting' ? 'rebooting' : 'shuttingDown') : 'maintenance',
        ready: !ending,
      }),
    );
  };
  show();
  const told = (one: Standing) => [doingOf(one).stage, one.machine, ...one.addresses].join();
  return standing.onChange((now, before) => {
    if (told(now) !== told(before)) show();
  });
}
