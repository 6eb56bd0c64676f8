import type { ClusterDocument } from '#machines/contract/cluster.ts';
import { roleIn } from '#machines/os/talos/cluster-config.ts';
import { type MachineApiClient, openMachineApi } from '#services/machine-api/client.ts';
import type { MachineApiDefinition } from '#services/machine-api/definition.ts';
import { MachineApiError } from '#services/machine-api/machine-api-error.ts';
import { certificateOf, spkiFingerprint } from '#services/machine-api/pinned.ts';
import { machineClient } from '#services/talos/client-config.ts';
import type { ClusterSecrets } from '#services/talos/cluster-secrets.ts';
import { type TalosNode, talosNode } from '#services/talos/node.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';

/** Of every machine that runs Talos. */
export const TALOS_PORT = 50_000;
/** For a handshake in the rack; whoever takes longer is taken for not there. */
const PROBE_MS = 4000;
const CLIENT_MS = 12 * 3600_000;
const RENEWED_MS = 6 * 3600_000;

/** Somebody who speaks TLS at a machine's address, by the key that it shows. Nothing was sent to it. */
export type Seen = { readonly address: IpAddress; readonly fingerprint: string };

export type OpenedNode = Disposable & {
  readonly client: MachineApiClient;
  readonly node: TalosNode;
  readonly address: IpAddress;
};

/** The way to machines that run Talos. Rejects with a `MachineApiError` where there is none. */
export type TalosReach = {
  readonly definition: MachineApiDefinition;
  /** Whoever answers where the machine should be. */
  look(machine: string, signal: AbortSignal): Promise<Seen>;
  /** In maintenance, and only if it is the one that was seen: its key changes with every boot. */
  maintenance(seen: Seen, signal: AbortSignal): Promise<MachineApiClient>;
  /** As a member of its cluster, over mutual TLS as `os:admin`. */
  running(cluster: ClusterDocument, machine: string, signal: AbortSignal): Promise<MachineApiClient & Located>;
  node(cluster: ClusterDocument, machine: string, signal: AbortSignal): Promise<OpenedNode>;
};

type Located = { readonly address: IpAddress };

export function talosReach(parts: {
  readonly definition: MachineApiDefinition;
  readonly secrets: Pick<ClusterSecrets, 'known'>;
  /** Where a machine may be, the likeliest first. */
  readonly addressesOf: (machine: string) => Promise<readonly IpAddress[]>;
  readonly now: () => number;
  readonly port?: number;
}): TalosReach {
  const { definition, secrets, addressesOf, now, port = TALOS_PORT } = parts;
  const clients = new Map<
    string,
    { readonly ca: string; readonly crt: string; readonly key: string; readonly at: number }
  >();

  async function clientOf(cluster: string) {
    const known = await secrets.known(cluster);
    if (!known) throw new MachineApiError('unauthenticated', `cluster ${cluster} has no secrets yet`);
    const kept = clients.get(cluster);
    const ca = known.ca.machine.crt;
    if (kept && kept.ca === ca && now() - kept.at < RENEWED_MS && now() >= kept.at) return kept;
    const made = await machineClient({ secrets: known, roles: ['os:admin'], now: now(), lifetimeMs: CLIENT_MS });
    const fresh = { ca, crt: made.crt, key: made.key, at: now() };
    clients.set(cluster, fresh);
    return fresh;
  }

  async function look(machine: string, signal: AbortSignal): Promise<Seen> {
    const addresses = await addressesOf(machine);
    let last: unknown;
    for (const address of addresses) {
      try {
        const soon = AbortSignal.any([signal, AbortSignal.timeout(PROBE_MS)]);
        const certificate = await certificateOf({ address, port, signal: soon });
        return { address, fingerprint: spkiFingerprint(certificate) };
      } catch (cause) {
        signal.throwIfAborted();
        last = cause;
      }
    }
    const where = addresses.length === 0 ? 'no address of it is known' : `not at ${addresses.join(', ')}`;
    throw new MachineApiError('unreachable', `${machine} does not answer: ${where}, port ${port}`, { cause: last });
  }

  const running: TalosReach['running'] = async (cluster, machine, signal) => {
    const { ca, crt, key } = await clientOf(cluster.name);
    const { address } = await look(machine, signal);
    const trust = { kind: 'mutual', ca, certificate: crt, key } as const;
    return { ...(await openMachineApi({ definition, address, port, trust, signal })), address };
  };

  return {
    definition,
    look,
    async maintenance({ address, fingerprint }, signal) {
      // Who goes down may take a connection and never shake hands.
      const soon = AbortSignal.timeout(PROBE_MS);
      const trust = { kind: 'pinned', fingerprint } as const;
      const opening = { definition, address, port, trust, signal: AbortSignal.any([signal, soon]) };
      return await openMachineApi(opening).catch((cause: unknown) => {
        signal.throwIfAborted();
        if (!soon.aborted) throw cause;
        const because = `${address}, port ${port}, does not shake hands within ${PROBE_MS / 1000} s`;
        throw new MachineApiError('unreachable', because, { cause });
      });
    },
    running,
    async node(cluster, machine, signal) {
      const client = await running(cluster, machine, signal);
      const close = (): void => client[Symbol.dispose]();
      try {
        const node = await talosNode({ definition, client, signal });
        return { client, node, address: client.address, [Symbol.dispose]: close };
      } catch (error) {
        close();
        throw error;
      }
    },
  };
}

/** `control plane m1 of home` */
export const memberText = (cluster: ClusterDocument, machine: string): string =>
  `${roleIn(cluster, machine) === 'controlplane' ? 'control plane' : 'worker'} ${machine} of ${cluster.name}`;
