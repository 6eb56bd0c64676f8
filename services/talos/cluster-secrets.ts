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
  /** Machines that may have data of the cluster's etcd: while there is one, bootstrapping would make a second cluster. */
  etcdHolders(cluster: string): Promise<readonly string[]>;
  /** One change after another, however many ask at the same time; durable when it resolves. */
  changeEtcdHolders(cluster: string, change: (now: readonly string[]) => readonly string[]): Promise<void>;
  /** Who has no other copy of them has no way into the cluster any more. */
  forget(cluster: string): Promise<void>;
};

const holdersName = (cluster: string): string => `talos/${cluster}/etcd`;

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

  const holders = async (cluster: string): Promise<readonly string[]> =>
    (await vault.read(holdersName(cluster)))?.split(' ').filter(Boolean) ?? [];
  let changing: Promise<unknown> = Promise.resolve();

  return {
    of(cluster) {
      const { name } = cluster;
      const made = making.get(name) ?? make(cluster).finally(() => making.delete(name));
      making.set(name, made);
      return made;
    },
    known: (cluster) => readSecrets(vault, cluster),
    etcdHolders: holders,
    async changeEtcdHolders(cluster, change) {
      const before = changing;
      const mine = (async (): Promise<void> => {
        await before;
        const next = [...new Set(change(await holders(cluster)))];
        if (next.length === 0) await vault.remove(holdersName(cluster));
        else await vault.write(holdersName(cluster), next.join(' '));
      })();
      changing = mine.catch(() => {});
      await mine;
    },
    async forget(cluster) {
      await vault.remove(secretsName(cluster));
      await vault.remove(holdersName(cluster));
    },
  };
}
