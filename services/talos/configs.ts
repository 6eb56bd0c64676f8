import type { ClusterDocument } from '#machines/contract/cluster.ts';
import type { ProfileDocument } from '#machines/contract/documents.ts';
import type { Job, PlannedDisk } from '#machines/contract/job.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { classOf } from '#machines/decide/classes.ts';
import {
  type ClusterConfig,
  clusterConfig,
  installDiskOf,
  roleIn,
  type TalosOrigin,
  talosOrigins,
} from '#machines/os/talos/cluster-config.ts';
import type { TalosRole } from '#machines/os/talos/config.ts';
import type { TalosSecrets } from '#machines/os/talos/secrets.ts';
import type { TalosConfigs } from '#services/metadata/contract.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { ClusterSecrets } from './cluster-secrets.ts';
import { schematicId } from './schematic-id.ts';

/** The configuration of one machine, and whose it is. */
export type MachineConfigText = {
  readonly yaml: string;
  readonly role: TalosRole;
  readonly cluster: ClusterDocument;
};

export type ClusterConfigs = TalosConfigs & {
  /** What is pushed under a confirmed plan, or why it cannot be made. Makes the cluster's secrets at first use. */
  of(
    machine: Machine,
    profile: ProfileDocument | undefined,
    disk: PlannedDisk,
  ): Promise<
    | { readonly kind: 'found'; readonly config: MachineConfigText }
    | { readonly kind: 'none'; readonly problems: readonly string[] }
  >;
  /** What stands against installing this disk so, before any secrets exist. */
  problems(
    machine: Machine,
    profile: ProfileDocument | undefined,
    disk: PlannedDisk | undefined,
    /** Where none is stored that names the machine. */
    planned?: ClusterDocument,
  ): readonly { readonly key: string; readonly because: string }[];
  /** Each value and who said it, without secrets, and what is wrong. Nothing for a machine of no cluster. */
  explain(
    machine: Machine,
    profile: ProfileDocument | undefined,
  ): {
    readonly origins: readonly TalosOrigin[];
    readonly problems: readonly { readonly key: string; readonly because: string }[];
  };
};

/** The id of what the cluster's images are made of. */
export const schematicOf = ({ schematic }: ClusterDocument): string =>
  typeof schematic === 'string' ? schematic : schematicId(schematic);

/** In the form of secrets, and none: for looking at a configuration. */
export const NO_SECRETS: TalosSecrets = (() => {
  const pem = { crt: '-----BEGIN CERTIFICATE-----\n', key: '-----BEGIN PRIVATE KEY-----\n' };
  const token = 'aaaaaa.aaaaaaaaaaaaaaaa';
  const key = btoa('\0'.repeat(32));
  return {
    cluster: { id: key, secret: key },
    bootstrapToken: token,
    machineToken: token,
    etcdEncryption: { kind: 'secretbox', key },
    ca: { machine: pem, etcd: pem, kubernetes: pem, aggregator: pem },
    serviceAccountKey: pem.key,
  };
})();

/** As they stand in a configuration. */
const PLACE_HOLDERS: ReadonlySet<string> = new Set(
  [NO_SECRETS.cluster.id, NO_SECRETS.machineToken, NO_SECRETS.ca.machine.crt, NO_SECRETS.ca.machine.key].flatMap(
    (one) => [one, btoa(one)],
  ),
);

/** Configurations of the machines of clusters, from the documents of now. */
export function clusterConfigs(parts: {
  readonly registry: Pick<Registry, 'clusterOf' | 'classes' | 'network'>;
  readonly secrets: Pick<ClusterSecrets, 'of'>;
}): ClusterConfigs {
  const { registry, secrets } = parts;

  const made = (
    machine: Machine,
    profile: ProfileDocument | undefined,
    cluster: ClusterDocument,
    own: { readonly secrets: TalosSecrets; readonly disk: PlannedDisk | undefined },
  ): ClusterConfig =>
    clusterConfig({
      machine,
      cluster,
      profile,
      secrets: own.secrets,
      ofClass: classOf(machine, registry.classes()),
      network: (name) => registry.network(name),
      schematic: schematicOf(cluster),
      disk: own.disk && installDiskOf(own.disk),
    });

  const of: ClusterConfigs['of'] = async (machine, profile, disk) => {
    const { name } = machine.document;
    const cluster = registry.clusterOf(name);
    if (!cluster) return { kind: 'none', problems: [notInCluster(name)] };
    const config = made(machine, profile, cluster, { secrets: await secrets.of(cluster), disk });
    return config.ok
      ? { kind: 'found', config: { yaml: config.text, role: config.role, cluster } }
      : { kind: 'none', problems: config.problems.map(({ from, because }) => `${from}: ${because}`) };
  };

  return {
    of,
    problems(machine, profile, disk, planned) {
      const { name } = machine.document;
      const cluster = registry.clusterOf(name) ?? planned;
      if (!cluster) return [{ key: `machine ${name}`, because: 'no cluster names it; ingot cluster create' }];
      const config = made(machine, profile, cluster, { secrets: NO_SECRETS, disk });
      const handed = profile && handedOut(profile, roleIn(cluster, name));
      return [
        ...(config.ok ? [] : config.problems.map(({ from, because }) => ({ key: from, because }))),
        ...(handed === undefined ? [] : [{ key: `profile ${profile?.name} args`, because: handed }]),
      ];
    },
    explain(machine, profile) {
      const cluster = registry.clusterOf(machine.document.name);
      if (!cluster) return { origins: [], problems: [] };
      const config = made(machine, profile, cluster, { secrets: NO_SECRETS, disk: undefined });
      if (!config.ok) {
        return { origins: [], problems: config.problems.map(({ from, because }) => ({ key: from, because })) };
      }
      const origins = talosOrigins(config, cluster.name).map((one) => ({
        ...one,
        value: typeof one.value === 'string' && PLACE_HOLDERS.has(one.value) ? '***' : one.value,
      }));
      return { origins, problems: [] };
    },
    async configOf(machine, profile, job) {
      const disk = writtenDisk(job);
      if (!disk) return { kind: 'none', because: 'no confirmed plan names a disk' };
      if (job?.notes[DISK_SEEN] !== job?.plan?.digest) {
        return { kind: 'none', because: 'the disk of the plan was not looked at again before the boot' };
      }
      const found = await of(machine, profile, disk);
      if (found.kind === 'none') return { kind: 'none', because: found.problems.join('; ') };
      const { yaml, role } = found.config;
      return { kind: 'found', yaml, isControlPlane: role === 'controlplane' };
    },
  };
}

/**
 * A note of a job whose machine fetches its configuration: the digest of the plan, whose disk the agent has found again.
 * From then on nobody can look before Talos writes, so that without it nothing is handed out.
 */
export const DISK_SEEN = 'talos-disk-seen';

const notInCluster = (name: string): string => `no cluster names ${name}; ingot cluster create`;

/** Is the configuration fetched by the machine, instead of pushed to it? */
export const isFetched = ({ args }: Pick<ProfileDocument, 'args'>): boolean =>
  args.some((one) => one.startsWith('talos.config='));

/** Without these Talos halts while it boots (KSPP), or takes the machine for something else. */
const NEEDED = ['talos.platform=metal', 'slab_nomerge', 'pti=on'] as const;

function handedOut(profile: ProfileDocument, role: TalosRole): string | undefined {
  const missing = NEEDED.find((word) => !profile.args.some((one) => one === word || one === `${word}=`));
  if (missing !== undefined) return `want ${missing} among them, without which Talos does not boot`;
  if (!isFetched(profile) || role === 'worker' || profile.plainSecrets) return undefined;
  return 'talos.config has a control plane fetch its secrets in plain HTTP; leave it out, or say plainSecrets: true';
}

/** The one disk that a confirmed plan writes. */
export function writtenDisk(job: Job | undefined): PlannedDisk | undefined {
  const plan = job?.plan;
  if (!plan || job.confirmed?.digest !== plan.digest) return undefined;
  const [disk, another] = plan.disks.filter(({ act }) => act === 'write');
  return another ? undefined : disk;
}
