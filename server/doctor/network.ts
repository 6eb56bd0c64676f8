import os from 'node:os';
import type { Config } from '../config/config.ts';
import { type Check, failure, type Finding, fine, warning } from './finding.ts';

/** Asks on an interface as a client would, and gives the servers that answered. */
export type DhcpProbe = (query: {
  readonly interface: string;
  readonly signal: AbortSignal;
}) => Promise<readonly { readonly serverId: string; readonly ingot: boolean }[]>;

/** Who else answers DHCP? Beside another server only proxy mode is right (safety rule 5). */
export function otherServersCheck(config: Config, probe: DhcpProbe): Check {
  return {
    name: 'dhcp',
    async run(signal) {
      const findings: Finding[] = [];
      for (const { name, mode } of config.interfaces.filter(({ mode }) => mode !== 'off')) {
        const servers = await probe({ interface: name, signal });
        const others = servers.map(({ serverId, ingot }) => (ingot ? `${serverId} (an Ingot)` : serverId)).join(', ');
        if (servers.some(({ ingot }) => ingot)) {
          findings.push(
            failure(
              'dhcp',
              `${name}: another Ingot answers already: ${others}`,
              'stop one of them; the later one stays silent',
            ),
          );
        } else if (mode === 'server' && others !== '' && !config.dhcp.besideOtherServer) {
          findings.push(
            failure(
              'dhcp',
              `${name}: another DHCP server leases addresses here: ${others}`,
              'use mode: proxy, or stop that server, or set dhcp.besideOtherServer: true',
            ),
          );
        } else if (mode === 'proxy' && others === '') {
          findings.push(
            warning(
              'dhcp',
              `${name}: no DHCP server answered, and a proxy leases no addresses`,
              'start one, or use mode: server with a subnet',
            ),
          );
        } else {
          findings.push(
            fine('dhcp', `${name}: ${others === '' ? 'no other DHCP server' : `DHCP server ${others}`}, mode ${mode}`),
          );
        }
      }
      return findings;
    },
  };
}

/** Is the advertised address ours, on the interface that clients are on, and numeric? */
export function advertiseCheck(config: Config, where: string | undefined): Check {
  return {
    name: 'advertise',
    async run() {
      const { advertise, listen } = config.boot;
      if (advertise === undefined)
        return [fine('advertise', 'each client is told the address of the interface that heard it')];
      const { hostname, port } = new URL(advertise);
      const findings: Finding[] = [];
      const owners = Object.entries(os.networkInterfaces()).filter(([, addresses]) =>
        addresses?.some(({ address }) => address === hostname),
      );
      const [owner] = owners[0] ?? [];
      if (!/^[\d.]+$|:/.test(hostname)) {
        findings.push(
          warning(
            'advertise',
            `${hostname} is a name: firmware resolves it only if DHCP hands out a DNS server`,
            'advertise an address',
            where,
          ),
        );
      } else if (owner === undefined) {
        findings.push(
          warning(
            'advertise',
            `${hostname} is not an address of this machine`,
            'advertise one of its addresses, unless a proxy or NAT stands before it',
            where,
          ),
        );
      } else if (config.interfaces.length > 0 && !config.interfaces.some(({ name }) => name === owner)) {
        findings.push(
          warning(
            'advertise',
            `${hostname} is on ${owner}, but clients are on ${config.interfaces.map(({ name }) => name).join(', ')}`,
            'advertise an address of that interface, or leave boot.advertise out',
            where,
          ),
        );
      }
      const wanted = Number(port || 80);
      if (listen.port !== 0 && wanted !== listen.port) {
        findings.push(
          warning(
            'advertise',
            `port ${wanted} is advertised, but boot.listen has ${listen.port}`,
            `advertise http://${hostname}:${listen.port}`,
            where,
          ),
        );
      }
      return findings.length > 0 ? findings : [fine('advertise', `${advertise} is on ${owner}`)];
    },
  };
}
