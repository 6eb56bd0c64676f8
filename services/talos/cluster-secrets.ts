import type { ClusterDocument } from '#machines/contract/cluster.ts';
import type { TalosSecrets } from '#machines/os/talos/secrets.ts';
import { parseTalosVersion } from '#machines/os/talos/version.ts';
import { sure } from '#machines/values/parsed.ts';
import type { Random } from '#services/auth/secret.ts';
import type { Vault } from '#services/vault/vault.ts';
import { newTalosSecrets, readSecrets, secretsName, writeSecrets } from './secrets.ts';

/** What is kept of a cluster beside its document, sealed. */
export type ClusterSecrets = {
  /** Made at first use, once, however many ask at the same time. */
  of(cluster: ClusterDocument): Promise<TalosSecrets>;
  /** Nothing where none were made yet. */
  known(cluster: string): Promise<TalosSecrets | undefined>;
  /** Where etcd was bootstrapped; a second time would be a second cluster. */
  bootstrapped(cluster: string): Promise<Bootstrap | undefined>;
  /** Durable when it resolves: before the call that does it, and again after. */
  noteBootstrap(cluster: string, bootstrap: Bootstrap): Promise<void>;
  /** Who has no other copy of them has no way into the cluster any more. */
  forget(cluster: string): Promise<void>;
};

export type Bootstrap = { readonly machine: string; readonly state: 'begun' | 'done' };

const bootstrapName = (cluster: string): string => `talos/${cluster}/etcd`;

export function clusterSecrets(parts: {
  readonly vault: Pick<Vault, 'read' | 'write' | 'remove'>;
  readonly random: Random;
  readonly now: () => number;
}): ClusterSecrets {
  const { vault, random, now } = parts;
  const making = new Map<string, Promise<TalosSecrets>>();

  async function make({ name, talos }: ClusterDocument): Promise<TalosSecrets> {
    const known = await readSecrets(vault, name);
    if (known) return known;
    const made = await newTalosSecrets({ version: sure(parseTalosVersion(talos)), random, now });
    await writeSecrets(vault, name, made);
    return made;
  }

  return {
    of(cluster) {
      const { name } = cluster;
      const made = making.get(name) ?? make(cluster).finally(() => making.delete(name));
      making.set(name, made);
      return made;
    },
    known: (cluster) => readSecrets(vault, cluster),
    async bootstrapped(cluster) {
      const text = await vault.read(bootstrapName(cluster));
      const [state, machine] = text?.split(' ', 2) ?? [];
      return machine !== undefined && (state === 'begun' || state === 'done') ? { machine, state } : undefined;
    },
    noteBootstrap: (cluster, { machine, state }) => vault.write(bootstrapName(cluster), `${state} ${machine}`),
    async forget(cluster) {
      await vault.remove(secretsName(cluster));
      await vault.remove(bootstrapName(cluster));
    },
  };
}
