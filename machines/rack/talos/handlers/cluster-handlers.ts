import { status } from '@grpc/grpc-js';
import { gzipSync } from 'node:zlib';
import { CallRefusal, envelope, invalid, type StreamHandlers, type UnaryHandlers } from '#machines/agent/api/call.ts';
import { milliseconds } from '#machines/api/messages/shape.ts';
import { yamlText } from '#machines/os/talos/yaml-text.ts';
import { newClient } from '#services/talos/certificates.ts';
import type { NodeConfig } from '../config.ts';
import { tarFile } from '../decide/tar-file.ts';
import type { Machine } from '../machine.ts';

const DAY_MS = 24 * 3600_000;
const PEER_PORT = 2380;
const CLIENT_PORT = 2379;
const UNIMPLEMENTED_ON_WORKERS = 'is not supported on worker nodes';

/** etcd, and what control planes hand out. */
export function clusterHandlers(machine: Machine): { readonly unary: UnaryHandlers; readonly streams: StreamHandlers } {
  const controlPlane = (what: string): NodeConfig => {
    if (machine.config?.role === 'controlplane') return machine.config;
    throw new CallRefusal(status.UNIMPLEMENTED, `${what} ${UNIMPLEMENTED_ON_WORKERS}`);
  };
  const membership = (what: string) => {
    controlPlane(what);
    const found = machine.etcd?.membership();
    if (found) return found;
    throw new CallRefusal(status.UNKNOWN, 'failed to create etcd client: context deadline exceeded');
  };

  return {
    unary: {
      async '/machine.MachineService/Bootstrap'() {
        if (machine.config && machine.config.role !== 'controlplane') {
          throw invalid('bootstrap can only be performed on a control plane node');
        }
        const { unattended, etcd } = machine;
        if (unattended && unattended.phase !== 'installed') {
          const because = `bootstrap is not allowed during unattended install (phase: ${unattended.phase})`;
          throw new CallRefusal(status.UNKNOWN, because);
        }
        if (!etcd) throw new CallRefusal(status.FAILED_PRECONDITION, 'bootstrap is not available yet');
        await etcd.bootstrap();
        return envelope({});
      },
      '/machine.MachineService/EtcdMemberList'() {
        const { cluster } = membership('member list');
        return envelope({
          members: cluster.members().map(({ id, hostname, address }) => ({
            id: `${BigInt(id)}` as const,
            hostname,
            peer_urls: [`https://${address}:${PEER_PORT}`],
            client_urls: [`https://${address}:${CLIENT_PORT}`],
          })),
        });
      },
      '/machine.MachineService/EtcdStatus'() {
        const { cluster, member } = membership('etcd status');
        const leader = cluster.leader();
        return envelope({
          member_status: {
            protocol_version: '3.6.0',
            storage_version: '3.6.0',
            db_size: 20_480,
            db_size_in_use: 16_384,
            leader: `${BigInt(leader)}` as const,
            member_id: `${BigInt(member.id)}` as const,
            raft_index: cluster.raftIndex(),
            raft_applied_index: cluster.raftIndex(),
            raft_term: 2,
            errors: leader === '0' ? ['etcdserver: no leader'] : [],
          },
        });
      },
      async '/machine.MachineService/EtcdLeaveCluster'() {
        membership('etcd leave');
        await machine.etcd?.leave();
        return envelope({});
      },
      '/machine.MachineService/EtcdForfeitLeadership'() {
        const { cluster } = membership('etcd forfeit leadership');
        return envelope({ member: cluster.forfeit() });
      },
      '/machine.MachineService/EtcdRemoveMemberByID'({ member_id: id }) {
        const { cluster } = membership('etcd remove member');
        if (!cluster.remove(id)) throw new CallRefusal(status.UNKNOWN, 'etcdserver: member not found');
        return envelope({});
      },
      async '/machine.MachineService/GenerateClientConfiguration'({ roles, crt_ttl: ttl }) {
        const config = controlPlane('generate client configuration');
        const lifetimeMs = ttl === null ? DAY_MS : milliseconds(ttl) || DAY_MS;
        const { crt, key } = await newClient({ ca: config.ca, organizations: roles, now: machine.now(), lifetimeMs });
        const context = { endpoints: [machine.boot.address], ca: btoa(config.ca.crt), crt: btoa(crt), key: btoa(key) };
        const talosconfig = yamlText({ context: config.cluster, contexts: { [config.cluster]: context } });
        return envelope({
          ca: Buffer.from(config.ca.crt),
          crt: Buffer.from(crt),
          key: Buffer.from(key),
          talosconfig: Buffer.from(talosconfig),
        });
      },
    },
    streams: {
      async *'/machine.MachineService/Kubeconfig'() {
        const text = await kubeconfig(controlPlane('kubeconfig'), machine);
        yield { bytes: gzipSync(tarFile('kubeconfig', new TextEncoder().encode(text), machine.now())) };
      },
      async *'/machine.MachineService/EtcdSnapshot'() {
        const { cluster } = membership('etcd snapshot');
        yield { bytes: Buffer.from(`simulated snapshot of ${cluster.id} at ${cluster.raftIndex()}\n`) };
      },
    },
  };
}

async function kubeconfig(config: NodeConfig, machine: Machine): Promise<string> {
  const { kubernetesCa, cluster, endpoint } = config;
  const client = await newClient({
    ca: kubernetesCa,
    organizations: ['system:masters'],
    commonName: 'admin',
    now: machine.now(),
    lifetimeMs: 365 * DAY_MS,
  });
  const user = `admin@${cluster}`;
  return yamlText({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server: endpoint, 'certificate-authority-data': btoa(kubernetesCa.crt) } }],
    users: [{ name: user, user: { 'client-certificate-data': btoa(client.crt), 'client-key-data': btoa(client.key) } }],
    contexts: [{ name: user, context: { cluster, namespace: 'default', user } }],
    'current-context': user,
  });
}
