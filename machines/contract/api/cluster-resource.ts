import { z } from 'zod';
import { ROLES } from '../../api/roles.ts';
import { name } from '../fields.ts';
import type { Route } from './route.ts';

/** How the machines of a cluster of Talos stand, as each says itself now. */
export const clusterState = z
  .object({
    name,
    talos: z.string(),
    kubernetes: z.string(),
    endpoint: z.string(),
    /** Made at first use; without them nobody is a member. */
    hasSecrets: z.boolean(),
    /** Machines that hold data of its etcd, as far as is known. */
    etcd: z.array(name),
    machines: z.array(
      z.object({
        name,
        role: z.enum(['controlplane', 'worker']),
        /** Where it answered. */
        address: z.string().optional(),
        /** The release that runs. */
        talos: z.string().optional(),
        stage: z.string().optional(),
        ready: z.boolean().default(false),
        /** Why it is not ready, or does not answer. */
        because: z.string().optional(),
        /** The job that works on it. */
        job: z.object({ id: z.string(), kind: z.string(), step: z.string().optional() }).optional(),
      }),
    ),
  })
  .meta({ id: 'ClusterState' });
export type ClusterState = z.output<typeof clusterState>;

/** For how long; a year where nothing is said. There is no list of the withdrawn: what is handed out is good until then. */
const hours = z.int().min(1).max(87_600).default(8760);

export const clusterAccess = z
  .object({
    /** The file, for talosctl or kubectl. */
    text: z.string(),
  })
  .meta({ id: 'ClusterAccess' });

const byName = z.strictObject({ name });
const json = <S extends z.ZodType>(schema: S) => ({ kind: 'json', schema }) as const;

export const CLUSTER_ROUTES = {
  getClusterState: {
    method: 'GET',
    path: '/api/v1/clusters/{name}/state',
    summary: 'How the machines of a cluster stand, asked of each of them',
    role: 'viewer',
    params: byName,
    answer: json(clusterState),
  },
  makeTalosconfig: {
    method: 'POST',
    path: '/api/v1/clusters/{name}/talosconfig',
    summary: 'Make a talosconfig: a new key for the machine APIs of a cluster',
    role: 'admin',
    params: byName,
    body: json(
      z.strictObject({
        roles: z
          .array(z.enum(ROLES))
          .min(1)
          .max(ROLES.length)
          .default(['os:admin'])
          .meta({ description: 'of the machine API' }),
        hours,
      }),
    ),
    answer: json(clusterAccess),
  },
  makeKubeconfig: {
    method: 'POST',
    path: '/api/v1/clusters/{name}/kubeconfig',
    summary: 'Make a kubeconfig: a new key of an administrator of Kubernetes',
    role: 'admin',
    params: byName,
    body: json(z.strictObject({ hours })),
    answer: json(clusterAccess),
  },
} as const satisfies Record<string, Route>;
