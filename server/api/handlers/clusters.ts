import type { ClusterDocument } from '#machines/contract/cluster.ts';
import type { ClusterState } from '#machines/contract/api/cluster-resource.ts';
import { roleIn } from '#machines/os/talos/cluster-config.ts';
import { talosVersionText } from '#machines/os/talos/version.ts';
import { kubeconfig, talosconfig } from '#services/talos/client-config.ts';
import { MachineApiError } from '#services/machine-api/machine-api-error.ts';
import { type Handlers, notFound } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';

type Names = 'getClusterState' | 'makeTalosconfig' | 'makeKubeconfig';
type Parts = Pick<OperatorApiParts, 'registry' | 'clusters' | 'jobs' | 'now'>;

const HOUR_MS = 3600_000;
/** A person waits for the answer; who is slower than this is shown as not there. */
const ASK_MS = 10_000;

export function clusterHandlers({ registry, clusters, jobs, now }: Parts): Pick<Handlers, Names> {
  async function stateOf(cluster: ClusterDocument, machine: string): Promise<ClusterState['machines'][number]> {
    const [job] = jobs.unfinishedOf(machine);
    const step = job?.steps.find(({ state }) => state === 'running')?.name;
    const shown = {
      name: machine,
      role: roleIn(cluster, machine),
      ...(job ? { job: { id: job.id, kind: job.kind, ...(step === undefined ? {} : { step }) } } : {}),
    };
    const signal = AbortSignal.timeout(ASK_MS);
    try {
      using opened = await clusters.reach.node(cluster, machine, signal);
      const { stage, ready, unmet, unwell } = await opened.node.health();
      const reasons = [
        ...unmet.map((one) => `${one.name}: ${one.reason}`),
        ...unwell.map(({ id, state, message }) => `${id} ${state}${message === '' ? '' : ` (${message})`}`),
      ];
      return {
        ...shown,
        address: opened.address,
        talos: talosVersionText(opened.node.version),
        stage,
        ready: ready && unwell.length === 0,
        ...(reasons.length === 0 ? {} : { because: reasons.join('; ') }),
      };
    } catch (error) {
      if (error instanceof MachineApiError) return { ...shown, ready: false, because: error.message };
      if (signal.aborted) return { ...shown, ready: false, because: `no answer within ${ASK_MS / 1000} s` };
      throw error;
    }
  }

  const known = async (name: string) => {
    const cluster = registry.cluster(name);
    if (!cluster) return notFound(`cluster ${name}`);
    return { cluster, secrets: await clusters.secrets.of(cluster) };
  };

  return {
    async getClusterState({ params: { name } }) {
      const cluster = registry.cluster(name);
      if (!cluster) return notFound(`cluster ${name}`);
      const { talos, kubernetes, endpoint, controlPlane, workers } = cluster;
      const [secrets, etcd, machines] = await Promise.all([
        clusters.secrets.known(name),
        clusters.secrets.etcdHolders(name),
        Promise.all([...controlPlane, ...workers].map((machine) => stateOf(cluster, machine))),
      ]);
      const value = { name, talos, kubernetes, endpoint, hasSecrets: secrets !== undefined, etcd: [...etcd], machines };
      return { kind: 'done', value };
    },

    async makeTalosconfig({ params: { name }, body: { roles, hours } }) {
      const found = await known(name);
      if ('problem' in found) return found;
      const { cluster, secrets } = found;
      const at = await Promise.all(cluster.controlPlane.map((machine) => clusters.addressesOf(machine)));
      const endpoints = at.flatMap(([first]) => first ?? []);
      const lifetimeMs = hours * HOUR_MS;
      const text = await talosconfig({ secrets, now: now(), lifetimeMs, cluster: name, endpoints, roles });
      return { kind: 'done', value: { text }, audit: { target: name, detail: `${roles.join(', ')}, ${hours} h` } };
    },

    async makeKubeconfig({ params: { name }, body: { hours }, caller }) {
      const found = await known(name);
      if ('problem' in found) return found;
      const { cluster, secrets } = found;
      const text = await kubeconfig({
        secrets,
        now: now(),
        lifetimeMs: hours * HOUR_MS,
        cluster: name,
        endpoint: cluster.endpoint,
        user: caller.name,
      });
      return { kind: 'done', value: { text }, audit: { target: name, detail: `${caller.name}, ${hours} h` } };
    },
  };
}
