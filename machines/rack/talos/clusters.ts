import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';

export type EtcdMember = { readonly id: string; readonly hostname: string; readonly address: string };

/** One etcd, which lives in the data of its members. Two bootstraps make two of them: nothing keeps them from it. */
export type EtcdCluster = {
  readonly id: string;
  members(): readonly EtcdMember[];
  /** A majority of the members is up. */
  hasQuorum(): boolean;
  /** The id of its leader; 0 where there is none. */
  leader(): string;
  isUp(member: string): boolean;
  /** Grows with each change. */
  raftIndex(): number;
  /** A member runs until what it gives is disposed. */
  run(member: EtcdMember): Disposable;
  /** Whether the majority agreed. The last member cannot leave. */
  remove(member: string): boolean;
  /** Another leader, where another member is up; its hostname, or the old one's. */
  forfeit(): string;
};

/** What machines with the same CA know of each other, by the rack's network so to speak. */
export type Domain = {
  /** The control planes' trustd has the key of the CA, which workers do not; PEM. Until what it gives is disposed. */
  serveTrustd(key: { readonly token: string; readonly key: string }): Disposable;
  /** For a machine with that token: the key as soon as some control plane runs. Rejects with the signal's reason. */
  askTrustd(token: string, signal: AbortSignal): Promise<string>;
  /** A new etcd with this machine as its only member. */
  bootstrap(member: Omit<EtcdMember, 'id'>): { readonly cluster: EtcdCluster; readonly member: EtcdMember };
  /** The one whose data a member has; others' members are believed where nobody knows better. */
  rejoin(id: string, members: readonly EtcdMember[]): EtcdCluster;
  /** Joins the etcd that has a majority, as soon as there is one. */
  join(
    member: Omit<EtcdMember, 'id'>,
    signal: AbortSignal,
  ): Promise<{ readonly cluster: EtcdCluster; readonly member: EtcdMember }>;
  /** Some etcd works, so that Kubernetes does. */
  isServed(): boolean;
  clusters(): readonly EtcdCluster[];
  /** Resolves when anything here was changed. */
  changed(signal: AbortSignal): Promise<void>;
};

/** The domains of a rack, by the machine CA's certificate. */
export type TalosDomains = { of(ca: string): Domain };

export function talosDomains(): TalosDomains {
  const domains = new Map<string, Domain>();
  return {
    of(ca) {
      const known = domains.get(ca.trim()) ?? newDomain();
      domains.set(ca.trim(), known);
      return known;
    },
  };
}

function newDomain(): Domain {
  const changes = new EventEmitter({ captureRejections: false });
  changes.setMaxListeners(0);
  const change = (): void => void changes.emit('change');
  const clusters = new Map<string, EtcdCluster>();
  const trustd = new Set<{ readonly token: string; readonly key: string }>();

  const openCluster = (id: string, members: readonly EtcdMember[]): EtcdCluster => {
    const opened = newCluster(id, members, change);
    clusters.set(id, opened);
    return opened;
  };
  const domain: Domain = {
    serveTrustd(key) {
      trustd.add(key);
      change();
      return {
        [Symbol.dispose]() {
          trustd.delete(key);
          change();
        },
      };
    },
    async askTrustd(token, signal) {
      for (;;) {
        const found = [...trustd].find((one) => one.token === token);
        if (found) return found.key;
        await domain.changed(signal);
      }
    },
    bootstrap(given) {
      const member = { ...given, id: newId() };
      const cluster = openCluster(newId(), [member]);
      change();
      return { cluster, member };
    },
    rejoin: (id, members) => clusters.get(id) ?? openCluster(id, members),
    async join(given, signal) {
      for (;;) {
        signal.throwIfAborted();
        const cluster = [...clusters.values()].find((one) => one.hasQuorum());
        if (cluster) {
          const member = { ...given, id: newId() };
          // It is no voter before it runs; the rack's learners learn at once.
          cluster.run(member)[Symbol.dispose]();
          return { cluster, member };
        }
        await domain.changed(signal);
      }
    },
    isServed: () => [...clusters.values()].some((one) => one.hasQuorum()),
    clusters: () => [...clusters.values()],
    async changed(signal) {
      await once(changes, 'change', { signal });
    },
  };
  return domain;
}

function newCluster(id: string, initial: readonly EtcdMember[], change: () => void): EtcdCluster {
  const members = new Map(initial.map((member) => [member.id, member]));
  const up = new Set<string>();
  let raftIndex = 8;
  let preferred: string | undefined;
  const changed = (): void => {
    raftIndex++;
    change();
  };
  const cluster: EtcdCluster = {
    id,
    members: () => [...members.values()],
    hasQuorum: () => [...members.keys()].filter((one) => up.has(one)).length > Math.floor(members.size / 2),
    leader() {
      if (!cluster.hasQuorum()) return '0';
      const running = [...members.keys()].filter((one) => up.has(one));
      return (preferred !== undefined && running.includes(preferred) ? preferred : running[0]) ?? '0';
    },
    isUp: (member) => up.has(member),
    raftIndex: () => raftIndex,
    run(member) {
      members.set(member.id, member);
      up.add(member.id);
      changed();
      return {
        [Symbol.dispose]() {
          up.delete(member.id);
          changed();
        },
      };
    },
    remove(member) {
      if (!cluster.hasQuorum() || members.size < 2 || !members.delete(member)) return false;
      up.delete(member);
      changed();
      return true;
    },
    forfeit() {
      const leader = cluster.leader();
      preferred = [...up].find((one) => one !== leader && members.has(one)) ?? leader;
      changed();
      return members.get(preferred)?.hostname ?? '';
    },
  };
  return cluster;
}

/** 64 bits in decimal, as etcd's ids go over the wire. */
const newId = (): string => String(randomBytes(8).readBigUInt64BE());
