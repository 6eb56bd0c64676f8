import { CallRefusal } from '#machines/agent/api/call.ts';
import { status } from '@grpc/grpc-js';
import type { Domain, EtcdCluster, EtcdMember } from './clusters.ts';
import type { EphemeralRecord } from './decide/installed.ts';
import type { Services } from './services.ts';

/** The etcd of one control plane. */
export type Etcd = AsyncDisposable & {
  /**
   * Begins a new cluster, which only a machine without data of etcd may. Throws what the machine API answers where it
   * cannot be.
   */
  bootstrap(): Promise<void>;
  /** Where it is a member and runs. */
  membership(): { readonly cluster: EtcdCluster; readonly member: EtcdMember } | undefined;
  /** Fulfilled when it was well for the first time. */
  readonly up: Promise<void>;
  /** Leaves the cluster and stops; rejects with a reason where the others did not agree. */
  leave(): Promise<void>;
};

type Membership = { readonly cluster: EtcdCluster; readonly member: EtcdMember };

/** Starts with the data that lies on the disk, joins a cluster that is there, or waits for the bootstrap. */
export function startEtcd(parts: {
  readonly domain: Domain;
  readonly services: Services;
  readonly hostname: string;
  readonly address: string;
  readonly data: {
    read(): Promise<EphemeralRecord>;
    write(record: EphemeralRecord): Promise<void>;
  };
  readonly signal: AbortSignal;
}): Etcd {
  const { domain, services, data, hostname, address } = parts;
  const stop = new AbortController();
  const signal = AbortSignal.any([parts.signal, stop.signal]);
  const joining = new AbortController();
  const bootstrapped = Promise.withResolvers<Membership>();
  const isUp = Promise.withResolvers<void>();
  isUp.promise.catch(() => {});
  let membership: Membership | undefined;
  let running: Disposable | undefined;
  /** Undefined until it has looked. */
  let hasData: boolean | undefined;

  async function begin(): Promise<Membership> {
    const { etcd } = await data.read();
    hasData = etcd !== undefined;
    if (etcd) {
      const cluster = domain.rejoin(etcd.cluster, etcd.members);
      if (!cluster.members().some(({ id }) => id === etcd.member)) {
        throw new Error('the member has been permanently removed from the cluster');
      }
      return { cluster, member: { id: etcd.member, hostname, address } };
    }
    services.set('etcd', 'Preparing', 'Running pre state');
    try {
      const until = AbortSignal.any([signal, joining.signal]);
      return await Promise.race([bootstrapped.promise, domain.join({ hostname, address }, until)]);
    } finally {
      joining.abort();
    }
  }

  async function live(): Promise<void> {
    const mine = await begin();
    hasData = true;
    membership = mine;
    const { cluster, member } = mine;
    const keep = () =>
      data.write({
        etcd: { cluster: cluster.id, member: member.id, members: cluster.members().map((one) => ({ ...one })) },
      });
    // What it is lies on its disk before anybody counts on it.
    await keep();
    signal.throwIfAborted();
    running = cluster.run(member);
    for (;;) {
      const members = cluster.members();
      if (!members.some(({ id }) => id === member.id)) {
        services.set('etcd', 'Failed', 'the member has been permanently removed from the cluster', false);
        return;
      }
      const isWell = cluster.hasQuorum();
      services.set('etcd', 'Running', isWell ? 'Health check successful' : 'etcdserver: no leader', isWell);
      if (isWell) isUp.resolve();
      const changed = domain.changed(signal);
      changed.catch(() => {});
      await keep();
      await changed;
    }
  }

  const end = live().catch((error: unknown) => {
    if (signal.aborted) return;
    services.set('etcd', 'Failed', error instanceof Error ? error.message : String(error), false);
    isUp.reject(error);
  });
  const close = async (): Promise<void> => {
    stop.abort();
    running?.[Symbol.dispose]();
    running = undefined;
    await end;
  };

  return {
    up: isUp.promise,
    membership: () => (running ? membership : undefined),
    async bootstrap() {
      if (hasData === undefined) throw new CallRefusal(status.FAILED_PRECONDITION, 'bootstrap is not available yet');
      // Two calls at once: the first one takes it.
      if (hasData) throw new CallRefusal(status.ALREADY_EXISTS, 'etcd data directory is not empty');
      hasData = true;
      bootstrapped.resolve(domain.bootstrap({ hostname, address }));
      // Nor may it join the cluster that it has just begun.
      joining.abort();
      await Promise.race([isUp.promise, end]);
    },
    async leave() {
      const mine = membership;
      if (!mine || !running) return;
      if (!mine.cluster.remove(mine.member.id)) {
        throw new Error('etcdserver: re-configuration failed due to not enough started members');
      }
      await close();
      services.set('etcd', 'Finished', 'Service finished successfully');
    },
    [Symbol.asyncDispose]: close,
  };
}
