import type { OperateRequest, OperationState } from './messages/agent.ts';
import type { EtcdMembers, EtcdStatus } from './messages/etcd.ts';
import type { CpuInfo, DiskStats, LoadAvg, Memory, Mounts, SystemStat } from './messages/figures.ts';
import type {
  ImageListRequest,
  InstallRequest,
  LifecycleProgress,
  LifecycleUpgradeRequest,
  ListedImage,
  PullProgress,
  PullRequest,
  RemoveImageRequest,
} from './messages/installing.ts';
import type {
  Actor,
  ApplyConfiguration,
  ApplyConfigurationRequest,
  ClientConfiguration,
  ClientConfigurationRequest,
  RebootRequest,
  ResetRequest,
  ServiceInfo,
  ShutdownRequest,
  TimeAnswer,
  UpgradeRequest,
  Version,
} from './messages/life.ts';
import type { GetResource, ListResources, Resource, WatchedResources, WatchResources } from './messages/resource.ts';
import type { Data, Empty, Envelope, Integer64 } from './messages/shape.ts';
import type { BlockDeviceWipeRequest, Disk } from './messages/storage.ts';
import type { DmesgRequest, Event, EventsRequest, LogsRequest } from './messages/streams.ts';

/** A method: what it is asked, and what it answers. */
type Method<Request, Response> = { readonly request: Request; readonly response: Response };
type Done = Empty;

/** Methods that answer once, by the path that they have on the wire. */
export type UnaryMethods = {
  '/machine.MachineService/ApplyConfiguration': Method<ApplyConfigurationRequest, Envelope<ApplyConfiguration>>;
  '/machine.MachineService/Bootstrap': Method<
    { readonly recover_etcd: boolean; readonly recover_skip_hash_check: boolean },
    Envelope<Done>
  >;
  '/machine.MachineService/CPUInfo': Method<Empty, Envelope<CpuInfo>>;
  '/machine.MachineService/DiskStats': Method<Empty, Envelope<DiskStats>>;
  '/machine.MachineService/EtcdForfeitLeadership': Method<Empty, Envelope<{ readonly member: string }>>;
  '/machine.MachineService/EtcdLeaveCluster': Method<Empty, Envelope<Done>>;
  '/machine.MachineService/EtcdMemberList': Method<{ readonly query_local: boolean }, Envelope<EtcdMembers>>;
  '/machine.MachineService/EtcdRemoveMemberByID': Method<{ readonly member_id: Integer64 }, Envelope<Done>>;
  '/machine.MachineService/EtcdStatus': Method<Empty, Envelope<EtcdStatus>>;
  '/machine.MachineService/GenerateClientConfiguration': Method<
    ClientConfigurationRequest,
    Envelope<ClientConfiguration>
  >;
  '/machine.MachineService/Hostname': Method<Empty, Envelope<{ readonly hostname: string }>>;
  '/machine.MachineService/LoadAvg': Method<Empty, Envelope<LoadAvg>>;
  '/machine.MachineService/LogsContainers': Method<Empty, Envelope<{ readonly ids: readonly string[] }>>;
  '/machine.MachineService/Memory': Method<Empty, Envelope<Memory>>;
  '/machine.MachineService/MetaDelete': Method<{ readonly key: number }, Envelope<Done>>;
  '/machine.MachineService/MetaWrite': Method<{ readonly key: number; readonly value: Uint8Array }, Envelope<Done>>;
  '/machine.MachineService/Mounts': Method<Empty, Envelope<Mounts>>;
  '/machine.MachineService/Reboot': Method<RebootRequest, Envelope<Actor>>;
  '/machine.MachineService/Reset': Method<ResetRequest, Envelope<Actor>>;
  '/machine.MachineService/Rollback': Method<Empty, Envelope<Done>>;
  '/machine.MachineService/ServiceList': Method<Empty, Envelope<{ readonly services: readonly ServiceInfo[] }>>;
  '/machine.MachineService/ServiceRestart': Method<{ readonly id: string }, Envelope<{ readonly resp: string }>>;
  '/machine.MachineService/ServiceStart': Method<{ readonly id: string }, Envelope<{ readonly resp: string }>>;
  '/machine.MachineService/ServiceStop': Method<{ readonly id: string }, Envelope<{ readonly resp: string }>>;
  '/machine.MachineService/Shutdown': Method<ShutdownRequest, Envelope<Actor>>;
  '/machine.MachineService/SystemStat': Method<Empty, Envelope<SystemStat>>;
  '/machine.MachineService/Upgrade': Method<UpgradeRequest, Envelope<Actor & { readonly ack: string }>>;
  '/machine.MachineService/Version': Method<Empty, Envelope<Version>>;
  '/machine.ImageService/Remove': Method<RemoveImageRequest, Empty>;
  '/storage.StorageService/Disks': Method<Empty, Envelope<{ readonly disks: readonly Disk[] }>>;
  '/storage.StorageService/BlockDeviceWipe': Method<BlockDeviceWipeRequest, Envelope<Done>>;
  '/time.TimeService/Time': Method<Empty, Envelope<TimeAnswer>>;
  '/time.TimeService/TimeCheck': Method<{ readonly server: string }, Envelope<TimeAnswer>>;
  '/ingot.AgentService/CancelOperation': Method<{ readonly id: string }, OperationState>;
  '/ingot.AgentService/Inventory': Method<Empty, { readonly json: Uint8Array }>;
  '/ingot.AgentService/Operation': Method<{ readonly id: string }, OperationState>;
  '/cosi.resource.State/Get': Method<GetResource, { readonly resource: Resource | null }>;
};

/** Methods that answer with a stream. */
export type StreamMethods = {
  '/machine.MachineService/Dmesg': Method<DmesgRequest, Data>;
  '/machine.MachineService/EtcdSnapshot': Method<Empty, Data>;
  '/machine.MachineService/Events': Method<EventsRequest, Event>;
  '/machine.MachineService/Kubeconfig': Method<Empty, Data>;
  '/machine.MachineService/Logs': Method<LogsRequest, Data>;
  '/machine.MachineService/Read': Method<{ readonly path: string }, Data>;
  '/machine.ImageService/List': Method<ImageListRequest, ListedImage>;
  '/machine.ImageService/Pull': Method<PullRequest, PullProgress>;
  '/machine.LifecycleService/Install': Method<InstallRequest, LifecycleProgress>;
  '/machine.LifecycleService/Upgrade': Method<LifecycleUpgradeRequest, LifecycleProgress>;
  '/ingot.AgentService/Operate': Method<OperateRequest, OperationState>;
  '/cosi.resource.State/List': Method<ListResources, { readonly resource: Resource | null }>;
  '/cosi.resource.State/Watch': Method<WatchResources, WatchedResources>;
};

export type UnaryPath = keyof UnaryMethods;
export type StreamPath = keyof StreamMethods;
