import type { Role } from '#machines/api/roles.ts';
import { encoded, type KeyedPem, type TalosSecrets } from '#machines/os/talos/secrets.ts';
import { yamlText } from '#machines/os/talos/yaml-text.ts';
import { newClient } from './certificates.ts';

const DAY_MS = 24 * 3600_000;
/** As the stock tools have it. A person replaces the file by asking for another; no list of the withdrawn exists. */
export const CLIENT_LIFETIME_MS = 365 * DAY_MS;

type Asked = {
  readonly secrets: TalosSecrets;
  readonly now: number;
  /** From now; {@link CLIENT_LIFETIME_MS} where nothing is said. */
  readonly lifetimeMs?: number;
};

/** Speaks to the machine APIs of a cluster; what it may do there is in its roles. */
export const machineClient = (asked: Asked & { readonly roles: readonly Role[] }): Promise<KeyedPem> =>
  newClient({
    ca: asked.secrets.ca.machine,
    organizations: asked.roles,
    now: asked.now,
    lifetimeMs: asked.lifetimeMs ?? CLIENT_LIFETIME_MS,
  });

/** The file that talosctl reads. Without endpoints talosctl must be told where to go each time. */
export async function talosconfig(
  asked: Asked & { readonly cluster: string; readonly endpoints: readonly string[]; readonly roles?: readonly Role[] },
): Promise<string> {
  const client = encoded(await machineClient({ ...asked, roles: asked.roles ?? ['os:admin'] }));
  return yamlText({
    context: asked.cluster,
    contexts: {
      [asked.cluster]: {
        endpoints: asked.endpoints,
        ca: btoa(asked.secrets.ca.machine.crt),
        crt: client.crt,
        key: client.key,
      },
    },
  });
}

/**
 * The file that kubectl reads, of an administrator of the whole cluster (`system:masters`, which no rule of the cluster
 * can restrict).
 */
export async function kubeconfig(
  asked: Asked & { readonly cluster: string; readonly endpoint: string; readonly user?: string },
): Promise<string> {
  const { cluster, endpoint, user = 'admin' } = asked;
  const made = await newClient({
    ca: asked.secrets.ca.kubernetes,
    organizations: ['system:masters'],
    commonName: user,
    now: asked.now,
    lifetimeMs: asked.lifetimeMs ?? CLIENT_LIFETIME_MS,
  });
  const context = `${user}@${cluster}`;
  return yamlText({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: cluster,
        cluster: { server: endpoint, 'certificate-authority-data': btoa(asked.secrets.ca.kubernetes.crt) },
      },
    ],
    users: [{ name: context, user: { 'client-certificate-data': btoa(made.crt), 'client-key-data': btoa(made.key) } }],
    contexts: [{ name: context, context: { cluster, namespace: 'default', user: context } }],
    'current-context': context,
  });
}
