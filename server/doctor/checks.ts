import { ANY_IPV4 } from '#machines/values/ip-address.ts';
import type { AgentImage } from '#services/images/agent-image.ts';
import type { LoaderCatalog } from '#services/images/contract.ts';
import type { YamlPath } from '#services/yaml/read-yaml.ts';
import type { Config, Listen } from '../config/config.ts';
import { agentCheck } from './agent.ts';
import type { Check } from './finding.ts';
import { interfacesCheck } from './interfaces.ts';
import { loadersCheck } from './loaders.ts';
import { clockCheck, diskCheck, firewallCheck } from './machine.ts';
import { advertiseCheck, type DhcpProbe, otherServersCheck } from './network.ts';
import { portsCheck, type WantedPort } from './ports.ts';

/** Everything that is looked at before anything boots, in the order in which it is told. */
export function doctorChecks(parts: {
  readonly config: Config;
  /** Where a setting stands in the file. */
  readonly where: (path: YamlPath) => string;
  readonly loaders: LoaderCatalog;
  readonly agentImage: Pick<AgentImage, 'state'>;
  readonly probe: DhcpProbe;
  readonly now: () => number;
  /** The process that serves from this data directory already. */
  readonly daemon?: () => Promise<number | undefined>;
}): readonly Check[] {
  const { config, where, loaders, agentImage, probe, now } = parts;
  const ports = wantedPorts(config, where);
  return [
    interfacesCheck(config.interfaces, (index) => where(['interfaces', index, 'name'])),
    portsCheck(ports, parts.daemon),
    otherServersCheck(config, probe),
    advertiseCheck(config, config.boot.advertise === undefined ? undefined : where(['boot', 'advertise'])),
    loadersCheck(loaders),
    agentCheck(agentImage, config),
    diskCheck(config.dataDir),
    clockCheck(now),
    firewallCheck(ports.filter(({ use }) => use !== 'API').map(({ protocol, port }) => `${protocol} ${port}`)),
  ];
}

/**
 * Where relayed packets would come in. Only looked at once it has failed: these sockets share their address with whoever
 * lets them, which a look from outside cannot tell.
 */
export const relayPorts = (config: Config, where: (path: YamlPath) => string): readonly WantedPort[] =>
  config.dhcp.relayListen.map(({ address, port }, index) => ({
    protocol: 'udp',
    address,
    port,
    use: 'relayed DHCP',
    setting: 'dhcp.relayListen',
    where: where(['dhcp', 'relayListen', index]),
  }));

/** What `serve` would listen on. */
export function wantedPorts(config: Config, where: (path: YamlPath) => string): readonly WantedPort[] {
  const port = (
    protocol: 'udp' | 'tcp',
    { address, port }: Listen,
    use: string,
    path: readonly [string, ...string[]],
  ): WantedPort => ({
    protocol,
    address,
    port,
    use,
    setting: path.join('.'),
    where: where(path),
  });
  const everywhere = (number: number): Listen => ({ address: ANY_IPV4, port: number });
  const devices = config.interfaces.flatMap(({ name, mode }) => (mode === 'off' ? [] : [name]));
  const serves = devices.length > 0;
  const receivers = [
    ['syslog', config.syslog.listen],
    ['jsonLines', config.jsonLines.listen],
  ] as const;
  return [
    ...(serves
      ? [
          { ...port('udp', everywhere(config.dhcp.serverPort), 'DHCP', ['dhcp', 'serverPort']), devices },
          port('udp', everywhere(config.dhcp.proxyPort), 'PXE proxy', ['dhcp', 'proxyPort']),
        ]
      : []),
    port('udp', config.tftp.listen, 'TFTP', ['tftp', 'listen']),
    port('tcp', config.boot.listen, 'HTTP boot', ['boot', 'listen']),
    port('tcp', config.machine.listen, 'machine reports', ['machine', 'listen']),
    port('tcp', config.machine.tls, 'agents', ['machine', 'tls']),
    port('tcp', config.api.listen, 'API', ['api', 'listen']),
    ...receivers.flatMap(([name, listen]) =>
      listen ? (['udp', 'tcp'] as const).map((protocol) => port(protocol, listen, name, [name, 'listen'])) : [],
    ),
  ];
}
