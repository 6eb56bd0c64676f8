import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ipv4 } from '#machines/values/ip-address.ts';
import type { Lease } from '#services/store/contract.ts';
import { loadDeviceSockets } from '../sockets/device-socket.ts';
import { type Task, task } from '../task.ts';
import { arpProbe } from './conflict-probe.ts';
import type { Dhcp4Control, Dhcp4Limits, Dhcp4Listening, Dhcp4Parts } from './contract.ts';
import { dhcp4Counters } from './counters.ts';
import { PORTS } from './decide/destination.ts';
import type { IngotMarker } from './decide/ingot-marker.ts';
import { LOOP_LIMITS } from './decide/loop-guard.ts';
import { networksOf } from './decide/network.ts';
import { openLeases } from './leases.ts';
import { dhcpListeners } from './listeners.ts';
import { packetHandler } from './packet-handler.ts';
import { PROBE_MS, probeDhcpServers } from './probe-servers.ts';
import { rivals } from './rivals.ts';

export const DHCP4_LIMITS: Dhcp4Limits = {
  pending: 20_000,
  probes: 64,
  probeMs: 500,
  rivalMs: PROBE_MS,
  rivalAgainMs: { calm: 300_000, restrained: 30_000 },
  addressPollMs: 5000,
  loop: LOOP_LIMITS,
};

/**
 * The DHCPv4 server: server and proxy mode, relayed and direct, ports 67 and 4011. Listens once it has read its leases and
 * knows who else answers on its interfaces. An interface that is missing at the start is an error; one that goes away
 * later is waited for.
 */
export function dhcp4Server(parts: Dhcp4Parts): Task<Dhcp4Listening> & Dhcp4Control {
  const { config, log, now, registry } = parts;
  const limits: Dhcp4Limits = { ...DHCP4_LIMITS, ...parts.limits };
  const ports = parts.ports ?? PORTS;
  const counters = dhcp4Counters();
  const networks = networksOf(config.subnets);
  const id = randomBytes(8).toString('hex');
  const startedAt = performance.now();
  const self = (): IngotMarker => ({ id, upSeconds: Math.floor((performance.now() - startedAt) / 1000) });
  let running:
    | {
        readonly leases: Awaited<ReturnType<typeof openLeases>>;
        readonly pending: () => number;
        readonly restraint: Dhcp4Control['restraint'];
      }
    | undefined;

  const served = config.interfaces.flatMap(({ name, mode }) => (mode === 'off' ? [] : [[name, mode] as const]));

  async function run(signal: AbortSignal, listening: (ready: Dhcp4Listening) => void): Promise<void> {
    const device = await loadDeviceSockets();
    const modes = new Map(served);
    const others = rivals({
      modes,
      self,
      againMs: limits.rivalAgainMs,
      besideOtherServer: config.dhcp.besideOtherServer,
      probe: (name, stop) =>
        probeDhcpServers({
          interface: name,
          // Only an Ingot matters to a proxy, and Ingots answer at once.
          timeoutMs: modes.get(name) === 'proxy' ? Math.min(limits.rivalMs, 1000) : limits.rivalMs,
          signal: stop,
          self: self(),
          ...(device.kind === 'available' ? { sockets: device.sockets } : {}),
        }),
      changed(name, restraint) {
        if (restraint) log.warn({ interface: name }, `dhcp4: ${consequence(restraint.from)}: ${restraint.because}`);
        else log.info({ interface: name }, 'dhcp4: answers again: nobody else does');
      },
    });
    const listeners = dhcpListeners({
      config,
      device,
      inherited: parts.inherited ?? [],
      events: {
        received: (incoming) => handler.receive(incoming),
        failed: (where, error) => log.error({ err: error, where }, 'dhcp4: socket'),
        changed: (text) => log.info(`dhcp4: ${text}`),
      },
    });
    const isOwnAddress = (ip: Ipv4): boolean =>
      listeners.links().some(({ addresses }) => addresses.some(({ address }) => address === ip)) ||
      config.dhcp.relayListen.some(({ address }) => address === ip);
    const leases = await openLeases({
      store: parts.leases,
      site: config.site,
      networks,
      now,
      mayGive: (ip) => !isOwnAddress(ip) && registry.machineByReservation(ip) === undefined,
    });
    const handler = packetHandler({
      ...parts,
      networks,
      leases,
      ports,
      limits,
      counters,
      self,
      isOwnAddress,
      probe: config.dhcp.conflictProbe ? arpProbe({ timeoutMs: limits.probeMs }) : undefined,
      restraint: (name) => others.restraint(name),
      suspect: (name) => others.suspect(name),
    });
    running = { leases, pending: () => handler.pending(), restraint: others.restraint };
    await Promise.all(served.map(([name]) => others.look(name, now(), signal)));
    try {
      listening(await listeners.open());
      while (!signal.aborted) {
        await sleep(limits.addressPollMs, undefined, { signal }).catch(() => {});
        if (signal.aborted) break;
        await listeners.follow();
        for (const name of others.due(now())) void others.look(name, now(), signal);
      }
    } finally {
      await listeners.close();
      await handler.settle();
    }
  }

  return {
    ...task('dhcp4', run),
    counters: () => counters.read(running?.pending() ?? 0),
    leases: (): readonly Lease[] => running?.leases.all() ?? [],
    forget: async (address) => (await running?.leases.forget(address)) ?? false,
    restraint: (name) => running?.restraint(name),
  };
}

const consequence = (from: 'all' | 'new-leases'): string => (from === 'all' ? 'stays silent' : 'gives no new leases');
