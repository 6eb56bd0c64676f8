import { z } from 'zod';
import type { Tree } from '../os/talos/documents.ts';
import { schematic } from '../os/talos/schematic.ts';
import { isEndpoint, whyNotKubernetes } from '../os/talos/validate.ts';
import { parseTalosVersion, talosVersionText } from '../os/talos/version.ts';
import { parseIpPrefix } from '../values/ip-prefix.ts';
import { parsed, refused } from '../values/parsed.ts';
import { metadata, name, textValue } from './fields.ts';

const talosRelease = textValue((text) => {
  const version = parseTalosVersion(text);
  return version.ok ? parsed(talosVersionText(version.value)) : version;
});
const kubernetesRelease = z
  .string()
  .regex(/^v?1\.\d{1,3}\.\d{1,3}(-[0-9A-Za-z.-]{1,40})?$/, 'want a release of Kubernetes such as 1.35.0')
  .transform((text) => text.replace(/^v/, ''));
const endpoint = textValue((text) =>
  isEndpoint(text) ? parsed(text) : refused(text, 'a URL such as https://192.0.2.1:6443'),
);
/** `factory.talos.dev`, `registry.example:5000/mirror`. */
const registry = z
  .string()
  .max(255)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?(\/[a-z0-9._/-]+)?$/, 'want a registry such as factory.talos.dev');
const schematicId = z.string().regex(/^[0-9a-f]{64}$/, 'want 64 hexadecimal digits in lower case');

const tree: z.ZodType<Tree> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(tree), z.record(z.string(), tree)]),
);
/** Documents of strategic merge patches, in the order in which they are laid on. */
const patches = z.array(z.record(z.string(), tree)).default([]);

/** Machines that share secrets and an endpoint. Its secrets are no part of it: they are sealed, and made at first use. */
export const clusterDocument = z
  .strictObject({
    kind: z.literal('Cluster'),
    ...metadata,
    talos: talosRelease,
    kubernetes: kubernetesRelease,
    /** Where the Kubernetes API is reached; it must not change with the machines, so it is said and never derived. */
    endpoint,
    controlPlane: z.array(name).min(1).max(9),
    workers: z.array(name).max(1000).default([]),
    /** What the image is made of, or the id of a schematic that the factory has. Nothing said is plain Talos. */
    schematic: z.union([schematicId, schematic]).default({}),
    secureBoot: z.boolean().default(false),
    /** The registry that machines pull the installer from. */
    factory: registry.default('factory.talos.dev'),
    /** Members find each other by the vendor's service. */
    discovery: z.boolean().default(true),
    workloadsOnControlPlanes: z.boolean().default(false),
    podSubnets: z.array(textValue(parseIpPrefix)).max(2).default([]),
    serviceSubnets: z.array(textValue(parseIpPrefix)).max(2).default([]),
    patches: z
      .strictObject({ all: patches, controlPlane: patches, workers: patches })
      .default({ all: [], controlPlane: [], workers: [] }),
  })
  .superRefine((cluster, context) => {
    const machines = [...cluster.controlPlane, ...cluster.workers];
    for (const [index, machine] of machines.entries()) {
      if (machines.indexOf(machine) === index) continue;
      const ofWorkers = index - cluster.controlPlane.length;
      context.addIssue({
        code: 'custom',
        path: ofWorkers < 0 ? ['controlPlane', index] : ['workers', ofWorkers],
        message: `want each machine once, and ${machine} is there already`,
      });
    }
    const version = parseTalosVersion(cluster.talos);
    const whyNot = version.ok ? whyNotKubernetes(cluster.kubernetes, version.value) : undefined;
    if (whyNot !== undefined) context.addIssue({ code: 'custom', path: ['kubernetes'], message: whyNot });
  });
export type ClusterDocument = z.output<typeof clusterDocument>;
