import { status } from '@grpc/grpc-js';
import { VERSION } from '../../contract/version.ts';
import { type Sendable, timestamp } from '../../api/messages/shape.ts';
import type { Mounts } from '../../api/messages/figures.ts';
import { readCpuInfo, readDiskStats, readLoadAvg, readMemory, readMounts, readSystemStat } from '../decide/figures.ts';
import type { Operations } from '../disks/operations.ts';
import type { Host } from '../host.ts';
import { readText } from '../read-text.ts';
import type { Restarts } from '../restarts.ts';
import { CallRefusal, envelope, notFound, type UnaryHandlers } from './call.ts';

/** The one service there is, by the name that its log has too. */
export const SERVICE = 'agent';

/** What the agent answers about itself and the kernel's figures. */
export function machineHandlers(parts: {
  readonly host: Host;
  readonly restarts: Restarts;
  readonly operations: Pick<Operations, 'running'>;
}): UnaryHandlers {
  const { host, restarts } = parts;
  const startedMs = host.now();
  const figure = async (path: string): Promise<string> => {
    const text = await readText(host, path);
    if (text === undefined) throw notFound(`${path} cannot be read`);
    return text;
  };
  /** No power action on a machine whose agent is writing, but for one that says that it means it. */
  const restart = (how: 'reboot' | 'shutdown', force: boolean) => {
    const writing = parts.operations.running();
    if (writing && !force)
      throw new CallRefusal(status.FAILED_PRECONDITION, `the operation ${writing.id} is under way`);
    return envelope({ actor_id: restarts.begin(how) });
  };
  return {
    '/machine.MachineService/Version': () =>
      envelope({
        version: {
          tag: `v${VERSION}`,
          go_version: `node ${process.version}`,
          os: process.platform,
          arch: process.arch === 'x64' ? 'amd64' : process.arch,
        },
        platform: { name: 'metal', mode: 'agent' },
        features: { rbac: true },
      }),
    '/machine.MachineService/Hostname': () => envelope({ hostname: host.hostname() }),
    '/machine.MachineService/Memory': async () => envelope(readMemory(await figure('/proc/meminfo'))),
    '/machine.MachineService/CPUInfo': async () => envelope(readCpuInfo(await figure('/proc/cpuinfo'))),
    '/machine.MachineService/DiskStats': async () => envelope(readDiskStats(await figure('/proc/diskstats'))),
    '/machine.MachineService/SystemStat': async () => envelope(readSystemStat(await figure('/proc/stat'))),
    '/machine.MachineService/LoadAvg': async () => envelope(readLoadAvg(await figure('/proc/loadavg'))),
    '/machine.MachineService/Mounts': async () => envelope(await mounts(host, await figure('/proc/mounts'))),
    '/machine.MachineService/LogsContainers': () => envelope({ ids: [SERVICE] }),
    '/machine.MachineService/ServiceList': () =>
      envelope({
        services: [
          {
            id: SERVICE,
            state: 'Running',
            events: { events: [{ msg: 'Started', state: 'Running', ts: timestamp(startedMs) }] },
            health: { healthy: true, last_change: timestamp(startedMs) },
          },
        ],
      }),
    '/machine.MachineService/Reboot': ({ mode }) => restart('reboot', mode === 'FORCE'),
    '/machine.MachineService/Shutdown': ({ force }) => restart('shutdown', force),
    '/time.TimeService/Time': () => envelope({ localtime: timestamp(host.now()) }),
  };
}

async function mounts(host: Host, text: string): Promise<Sendable<Mounts>> {
  const stats = await Promise.all(
    readMounts(text).map(async ({ filesystem, mountedOn }) => {
      const space = await host.space(mountedOn);
      return { filesystem, mounted_on: mountedOn, size: space?.size ?? 0, available: space?.available ?? 0 };
    }),
  );
  return { stats };
}
