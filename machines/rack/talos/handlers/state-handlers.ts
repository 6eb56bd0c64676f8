import { envelope, type UnaryHandlers } from '#machines/agent/api/call.ts';
import { timestamp } from '#machines/api/messages/shape.ts';
import { talosVersionText } from '#machines/os/talos/version.ts';
import { hostnameOf, type Machine } from '../machine.ts';
import { serviceInfo } from '../services.ts';

/** What the machine says of itself. */
export function stateHandlers(machine: Machine): UnaryHandlers {
  const { boot, services } = machine;
  const memory = machine.inventory.memory?.totalBytes ?? 0;
  return {
    '/machine.MachineService/Version': () =>
      envelope({
        version: {
          tag: talosVersionText(boot.release.version),
          sha: 'simulated',
          go_version: `node ${process.version}`,
          os: 'linux',
          arch: boot.spec.firmware === 'uefi-arm64' ? 'arm64' : 'amd64',
        },
        platform: { name: 'metal', mode: 'metal' },
        features: { rbac: true },
      }),
    '/machine.MachineService/Hostname': () => envelope({ hostname: hostnameOf(machine) }),
    '/machine.MachineService/ServiceList': () => envelope({ services: services.all().map(serviceInfo) }),
    '/machine.MachineService/LoadAvg': () => envelope({ load1: 0.1, load5: 0.1, load15: 0.1 }),
    '/machine.MachineService/Memory': () =>
      envelope({ meminfo: { memtotal: Math.floor(memory / 1024), memfree: Math.floor(memory / 2048) } }),
    '/machine.MachineService/LogsContainers': () => envelope({ ids: services.all().map(({ id }) => id) }),
    '/time.TimeService/Time': () => envelope({ localtime: timestamp(machine.now()) }),
  };
}
