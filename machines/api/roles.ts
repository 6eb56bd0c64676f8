/** Roles that a client's certificate gives by its Subject.Organization. Others mean nothing. */
export const ROLES = ['os:admin', 'os:operator', 'os:reader', 'os:etcd:backup', 'os:meta:writer'] as const;
export type Role = (typeof ROLES)[number];

const ADMIN: readonly Role[] = ['os:admin'];
const OPERATOR: readonly Role[] = ['os:admin', 'os:operator'];
const READER: readonly Role[] = ['os:admin', 'os:operator', 'os:reader'];
const ETCD_READER: readonly Role[] = [...READER, 'os:etcd:backup'];

/** Who may call what; a method that is not here is for administrators. */
const METHODS: Readonly<Record<string, readonly Role[]>> = {
  '/machine.MachineService/Reboot': OPERATOR,
  '/machine.MachineService/Shutdown': OPERATOR,
  '/machine.MachineService/ServiceRestart': OPERATOR,
  '/machine.MachineService/ServiceStart': OPERATOR,
  '/machine.MachineService/ServiceStop': OPERATOR,
  '/machine.ImageService/Pull': OPERATOR,
  '/machine.MachineService/EtcdSnapshot': [...OPERATOR, 'os:etcd:backup'],
  '/machine.MachineService/EtcdMemberList': ETCD_READER,
  '/machine.MachineService/EtcdStatus': ETCD_READER,
  '/machine.MachineService/MetaWrite': [...ADMIN, 'os:meta:writer'],
  '/machine.MachineService/MetaDelete': [...ADMIN, 'os:meta:writer'],
  '/machine.MachineService/CPUInfo': READER,
  '/machine.MachineService/DiskStats': READER,
  '/machine.MachineService/Dmesg': READER,
  '/machine.MachineService/Events': READER,
  '/machine.MachineService/Hostname': READER,
  '/machine.MachineService/LoadAvg': READER,
  '/machine.MachineService/Logs': READER,
  '/machine.MachineService/LogsContainers': READER,
  '/machine.MachineService/Memory': READER,
  '/machine.MachineService/Mounts': READER,
  '/machine.MachineService/ServiceList': READER,
  '/machine.MachineService/SystemStat': READER,
  '/machine.MachineService/Version': READER,
  '/machine.ImageService/List': READER,
  '/storage.StorageService/Disks': READER,
  '/time.TimeService/Time': READER,
  '/time.TimeService/TimeCheck': READER,
  '/ingot.AgentService/Inventory': READER,
  '/ingot.AgentService/Operation': READER,
  '/cosi.resource.State/Get': READER,
  '/cosi.resource.State/List': READER,
  '/cosi.resource.State/Watch': READER,
};

/** Any one of the roles is enough. */
export function mayCall(path: string, roles: readonly string[]): boolean {
  return (METHODS[path] ?? ADMIN).some((role) => roles.includes(role));
}
