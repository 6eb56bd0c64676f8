import dgram from 'node:dgram';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import net from 'node:net';
import { ANY_IPV4, type IpAddress } from '#machines/values/ip-address.ts';
import { loadDeviceSockets } from '../sockets/device-socket.ts';
import { type Check, failure, type Finding, fine, warning } from './finding.ts';

export type WantedPort = {
  readonly protocol: 'udp' | 'tcp';
  readonly address: IpAddress;
  readonly port: number;
  /** What would listen there: `TFTP`. */
  readonly use: string;
  /** The setting to change: `tftp.listen`. */
  readonly setting: string;
  readonly where: string | undefined;
  /** DHCP: the socket is bound to each of these interfaces, and so can stand beside a server on another one. */
  readonly devices?: readonly string[];
};

/**
 * Can each port be had, and if not, who has it? Binds and lets go at once. `daemon`: the process that serves this
 * configuration already, if one does; that it has its ports is as it should be.
 */
export function portsCheck(wanted: readonly WantedPort[], daemon?: () => Promise<number | undefined>): Check {
  return {
    name: 'ports',
    async run() {
      const findings: Finding[] = [];
      const running = await daemon?.();
      for (const one of wanted) findings.push(await lookAt(one, running));
      return findings;
    },
  };
}

async function lookAt(
  { protocol, address, port, use, setting, where, devices = [] }: WantedPort,
  daemon: number | undefined,
): Promise<Finding> {
  const place = `${protocol.toUpperCase()} port ${port} on ${address} (${use})`;
  const code = await tryToBind(protocol, address, port);
  switch (code) {
    case undefined:
      return fine('ports', `${place} is free`);
    case 'EACCES':
    case 'EPERM':
      return failure(
        'ports',
        `${place}: not allowed to listen below 1024`,
        'run with sudo, or give the service CAP_NET_BIND_SERVICE, or use a systemd socket unit',
        where,
      );
    case 'EADDRINUSE': {
      const holder = await holderOf(protocol, port);
      if (holder && holder.pid === daemon) return fine('ports', `${place}: Ingot runs and has it (pid ${daemon})`);
      const held = `${place} is in use${holder ? ` by ${holder.name} (pid ${holder.pid})` : ''}`;
      if (devices.length > 0 && (await canShare(devices, port))) {
        return warning(
          'ports',
          held,
          `fine if that serves another interface than ${devices.join(', ')}; else stop it`,
          where,
        );
      }
      const stop = holder ? `stop ${holder.name}` : 'stop the program that has it';
      return failure('ports', held, `${stop}, or set another ${setting}`, where);
    }
    case 'EADDRNOTAVAIL':
      return failure(
        'ports',
        `${place}: no interface of this machine has ${address}`,
        `set ${setting} to an address of this machine`,
        where,
      );
    default:
      return failure('ports', `${place}: ${code}`, `set another ${setting}`, where);
  }
}

/** The error's code, or nothing if it worked. */
async function tryToBind(protocol: 'udp' | 'tcp', address: IpAddress, port: number): Promise<string | undefined> {
  const socket = protocol === 'udp' ? dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4') : net.createServer();
  try {
    const listening = once(socket, 'listening');
    if (socket instanceof dgram.Socket) socket.bind({ address, port, exclusive: true });
    else socket.listen({ host: address, port, exclusive: true });
    await listening;
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    await closed(socket);
  }
}

/** As the daemon would: bound to the device, address shared. libvirt's dnsmasq, for one, leaves room for that. */
async function canShare(devices: readonly string[], port: number): Promise<boolean> {
  const device = await loadDeviceSockets();
  if (device.kind === 'unavailable') return false;
  try {
    for (const name of devices) closeSync(device.sockets.open({ interface: name, address: ANY_IPV4, port }));
    return true;
  } catch {
    return false;
  }
}

async function closed(socket: dgram.Socket | net.Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  try {
    socket.close(() => resolve());
  } catch {
    resolve();
  }
  await promise;
}

/** Linux only: the socket's inode from /proc/net, its owner by looking through the descriptors we may see. */
async function holderOf(protocol: 'udp' | 'tcp', port: number): Promise<{ name: string; pid: number } | undefined> {
  const inodes = new Set<string>();
  for (const table of [protocol, `${protocol}6`]) {
    const text = await readFile(`/proc/net/${table}`, 'utf8').catch(() => '');
    for (const line of text.split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (Number.parseInt(fields[1]?.split(':')[1] ?? '', 16) === port && fields[9])
        inodes.add(`socket:[${fields[9]}]`);
    }
  }
  if (inodes.size === 0) return undefined;
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue;
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      if (!inodes.has(target)) continue;
      return { name: await nameOf(pid), pid: Number(pid) };
    }
  }
  return undefined;
}

/** Node calls each of its processes MainThread, so for those it is the script that tells which. */
async function nameOf(pid: string): Promise<string> {
  const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
  if (name !== 'MainThread') return name || 'a program';
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  const script = words.slice(1).find((word) => word !== '' && !word.startsWith('-'));
  return script === undefined ? 'node' : `node ${script}`;
}
