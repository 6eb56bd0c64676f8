import { z } from 'zod';
import {
  type TalosDocument,
  configText,
  isMap,
  kindOf,
  type Tree,
  V1ALPHA1,
  valueAt,
} from '#machines/os/talos/documents.ts';
import { patched } from '#machines/os/talos/patch.ts';
import { validateConfig } from '#machines/os/talos/validate.ts';
import type { TalosVersion } from '#machines/os/talos/version.ts';
import { isAtLeast } from '#machines/os/talos/version.ts';
import { readPatch } from '#services/talos/layers.ts';
import { formatYamlIssue } from '#services/yaml/read-yaml.ts';

/** A complete configuration: what the simulated node needs of it. PEM. */
export type NodeConfig = {
  readonly text: string;
  readonly role: 'controlplane' | 'worker';
  readonly token: string;
  /** A worker has no key. */
  readonly ca: { readonly crt: string; readonly key: string };
  readonly certSans: readonly string[];
  readonly hostname?: string;
  readonly cluster: string;
  readonly endpoint: string;
  readonly kubernetesCa: { readonly crt: string; readonly key: string };
  readonly install?: Install;
};

export type Install =
  /** `machine.install`, which the sequence `install` carries out. */
  | {
      readonly kind: 'legacy';
      readonly image: string;
      readonly wipe: boolean;
      readonly disk?: string;
      readonly diskSelector?: Readonly<Record<string, unknown>>;
    }
  /** UnattendedInstallConfig. It reboots by itself where it is told to, or names an image and is not told. */
  | {
      readonly kind: 'unattended';
      readonly image: string;
      readonly wipe: boolean;
      readonly match: string;
      readonly reboots: boolean;
    };

export type ReadConfig =
  | {
      readonly ok: true;
      readonly documents: readonly TalosDocument[];
      /** Undefined while there is no v1alpha1 document: then the node goes on waiting. */
      readonly config: NodeConfig | undefined;
    }
  | { readonly ok: false; readonly kind: 'load' | 'validation'; readonly because: string };

/** Documents merged upon those that are there, and checked as the release of the node does it. */
export function readConfig(
  text: string,
  use: {
    readonly version: TalosVersion;
    readonly isInstalled: boolean;
    readonly base?: readonly TalosDocument[];
  },
): ReadConfig {
  const read = readPatch({ file: 'config', text });
  if (!read.ok) return { ok: false, kind: 'load', because: read.issues.map(formatYamlIssue).join('; ') };
  const given = read.layer.documents.map(({ value }) => value);
  const { base = [] } = use;
  const merged = base.length === 0 ? { ok: true as const, documents: given } : patched(base, given);
  if (!merged.ok) return { ok: false, kind: 'load', because: merged.issues.map((issue) => issue.text).join('; ') };
  const { documents } = merged;
  const isComplete = documents.some((document) => kindOf(document) === V1ALPHA1);
  const installs = !use.isInstalled && !isAtLeast(use.version, 14);
  const issues = validateConfig(documents, { version: use.version, installs }).filter(
    ({ document, path }) => isComplete || document !== V1ALPHA1 || path.length > 0,
  );
  if (issues.length > 0) {
    const because = issues.map(({ document, path, text: what }) => `${document} ${path.join('.')}: ${what}`).join('; ');
    return { ok: false, kind: 'validation', because };
  }
  if (!isComplete) return { ok: true, documents, config: undefined };
  const config = nodeConfig(documents);
  return config.success
    ? { ok: true, documents, config: config.data }
    : { ok: false, kind: 'validation', because: z.prettifyError(config.error) };
}

const pem = z.string().transform((text) => (text.startsWith('-----') || text === '' ? text : atob(text)));
const texts = z.array(z.string());

const read = z.object({
  text: z.string(),
  role: z.enum(['controlplane', 'worker']),
  token: z.string(),
  ca: z.object({ crt: pem, key: pem.default('') }),
  certSans: texts.default([]),
  hostname: z.string().optional(),
  cluster: z.string().default('talos'),
  endpoint: z.string(),
  kubernetesCa: z.object({ crt: pem.default(''), key: pem.default('') }),
  install: z
    .discriminatedUnion('kind', [
      z.object({
        kind: z.literal('legacy'),
        image: z.string().default(''),
        // Unset it erases the disk.
        wipe: z.boolean().default(true),
        disk: z.string().optional(),
        diskSelector: z.record(z.string(), z.unknown()).optional(),
      }),
      z.object({
        kind: z.literal('unattended'),
        image: z.string().default(''),
        wipe: z.boolean().default(true),
        match: z.string(),
        reboots: z.boolean(),
      }),
    ])
    .optional(),
});

function nodeConfig(documents: readonly TalosDocument[]): z.ZodSafeParseResult<NodeConfig> {
  const of = (kind: string): Tree | undefined => documents.find((document) => kindOf(document) === kind);
  const v1alpha1 = of(V1ALPHA1);
  const at = (path: string): Tree | undefined => valueAt(v1alpha1, path.split('.'));
  const install = at('machine.install');
  const unattended = of('UnattendedInstallConfig');
  const image = valueAt(unattended, ['installer', 'image']);
  const issuing = valueAt(of('KubeAPIServerCAConfig'), ['issuingCA']);
  return read.safeParse({
    text: configText(documents),
    role: at('machine.type'),
    token: at('machine.token'),
    ca: at('machine.ca'),
    certSans: at('machine.certSANs'),
    hostname: valueAt(of('HostnameConfig'), ['hostname']) ?? at('machine.network.hostname'),
    cluster: valueAt(of('KubeClusterConfig'), ['clusterName']) ?? at('cluster.clusterName'),
    endpoint: valueAt(of('KubeClusterConfig'), ['endpoint']) ?? at('cluster.controlPlane.endpoint'),
    kubernetesCa: isMap(issuing) ? { crt: issuing['cert'], key: issuing['key'] } : (at('cluster.ca') ?? {}),
    install: isMap(install)
      ? { ...install, kind: 'legacy' }
      : unattended === undefined
        ? undefined
        : {
            kind: 'unattended',
            image,
            wipe: valueAt(unattended, ['provisioning', 'wipe']),
            match: valueAt(unattended, ['provisioning', 'diskSelector', 'match']),
            reboots: valueAt(unattended, ['reboot']) ?? (image ?? '') !== '',
          },
  }) as z.ZodSafeParseResult<NodeConfig>;
}
