import { agentImageDir, openAgentImage } from '#services/images/agent-image.ts';
import { openLoaders } from '#services/images/loaders.ts';
import type { YamlPath } from '#services/yaml/read-yaml.ts';
import type { Config } from '../config/config.ts';
import { probeDhcpServers } from '../dhcp4/probe-servers.ts';
import { doctorChecks, relayPorts, wantedPorts } from './checks.ts';
import { examine, type Finding } from './finding.ts';
import { interfacesCheck } from './interfaces.ts';
import { portsCheck, type WantedPort } from './ports.ts';
import { type Inheritance, NOTHING_INHERITED } from '../sockets/inherited-sockets.ts';
import { notedDaemon } from './running-daemon.ts';

type Look = {
  readonly config: Config;
  /** Where a setting stands in the file. */
  readonly where: (path: YamlPath) => string;
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** What a supervisor has opened for us is ours already. */
  readonly inherited?: Inheritance;
};

/** Looks at everything that `serve` with this configuration would need. Changes nothing but the data directory's existence. */
export async function startDoctor(options: Look): Promise<readonly Finding[]> {
  const { config, where, now, signal } = options;
  const loaders = openLoaders({ dir: config.loaders.dir });
  const agentImage = openAgentImage({ dir: agentImageDir(config.dataDir), now });
  const daemon = () => notedDaemon(config.dataDir);
  return await examine(
    doctorChecks({ config, where, loaders, agentImage, probe: probeDhcpServers, now, daemon }),
    signal,
  );
}

/**
 * What would make `serve` fail at once, told with the place in the file. DHCP's ports are left out: a socket that is bound
 * to its device may share them with a server on another interface, and systemd may have opened it for us.
 */
export async function beforeServing(look: Look): Promise<readonly Finding[]> {
  const ports = wantedPorts(look.config, look.where);
  return await portsAndInterfaces(
    look,
    ports.filter(({ use, setting }) => use !== 'DHCP' && use !== 'PXE proxy' && !isInherited(setting, look.inherited)),
  );
}

function isInherited(setting: string, { tcp, tftp }: Inheritance = NOTHING_INHERITED): boolean {
  switch (setting) {
    case 'boot.listen':
      return tcp.boot !== undefined;
    case 'machine.listen':
      return tcp.machine !== undefined;
    case 'machine.tls':
      return tcp.agents !== undefined;
    case 'api.listen':
      return tcp.api !== undefined;
    case 'tftp.listen':
      return tftp.length > 0;
    default:
      return false;
  }
}

/** Why `serve` could not go on, as far as interfaces and ports explain it. */
export async function afterFailing(look: Look): Promise<readonly Finding[]> {
  const { config, where } = look;
  return await portsAndInterfaces(look, [...wantedPorts(config, where), ...relayPorts(config, where)]);
}

async function portsAndInterfaces(
  { config, where, signal }: Look,
  ports: readonly WantedPort[],
): Promise<readonly Finding[]> {
  const interfaces = interfacesCheck(config.interfaces, (index) => where(['interfaces', index, 'name']));
  return await examine([interfaces, portsCheck(ports)], signal);
}
