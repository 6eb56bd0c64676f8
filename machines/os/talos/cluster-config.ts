import type { ClassDocument, NetworkDocument, ProfileDocument } from '../../contract/documents.ts';
import type { ClusterDocument } from '../../contract/cluster.ts';
import type { PlannedDisk } from '../../contract/job.ts';
import type { Machine } from '../../contract/machine.ts';
import { sure } from '../../values/parsed.ts';
import { configurationOf } from '../config/configuration.ts';
import { fillTree } from '../config/machine-values.ts';
import { renderTalosDocuments, renderTalosLegacy } from '../network/talos.ts';
import { installerImage } from './boot-assets.ts';
import { type InstallDisk, machineConfig, type TalosRole, whyNotSelectable } from './config.ts';
import {
  configText,
  documentId,
  isList,
  isMap,
  kindOf,
  type TalosDocument,
  type Tree,
  type TreeMap,
  treeMap,
  type TreePath,
  V1ALPHA1,
  valueAt,
} from './documents.ts';
import { patched } from './patch.ts';
import type { TalosSecrets } from './secrets.ts';
import { type ConfigIssue, validateConfig } from './validate.ts';
import { isAtLeast, parseTalosVersion, type TalosVersion } from './version.ts';

/** One who adds to a machine's configuration, the later one over the earlier. */
export type ConfigLayer = {
  /** `cluster home patches.all`, `machine r1-u12 network`. */
  readonly from: string;
  readonly documents: readonly TalosDocument[];
};

export type ClusterConfigInput = {
  readonly machine: Machine;
  readonly cluster: ClusterDocument;
  readonly secrets: TalosSecrets;
  readonly profile: ProfileDocument | undefined;
  readonly ofClass: ClassDocument | undefined;
  readonly network: (name: string) => NetworkDocument | undefined;
  /** The schematic's id, which takes a digest to know. */
  readonly schematic: string;
  /** The one that the plan names; none to look at a configuration before there is a plan. */
  readonly disk: InstallDisk | undefined;
};

export type ConfigProblem = { readonly from: string; readonly because: string };

export type ClusterConfig =
  | {
      readonly ok: true;
      readonly text: string;
      readonly role: TalosRole;
      readonly documents: readonly TalosDocument[];
      readonly layers: readonly ConfigLayer[];
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

export const versionOf = ({ talos }: Pick<ClusterDocument, 'talos'>): TalosVersion => sure(parseTalosVersion(talos));

export const roleIn = (cluster: Pick<ClusterDocument, 'controlPlane'>, machine: string): TalosRole =>
  cluster.controlPlane.includes(machine) ? 'controlplane' : 'worker';

/** The installer that machines of a cluster pull, of another release where one is named. */
export const installerOf = (
  { factory, secureBoot }: Pick<ClusterDocument, 'factory' | 'secureBoot'>,
  schematic: string,
  version: TalosVersion,
): string => installerImage(factory, { schematic, version, secureBoot });

/** How the disk of a plan is named to Talos: by what cannot move to another disk, where it has that. */
export function installDiskOf({ serial, wwn, name }: Pick<PlannedDisk, 'serial' | 'wwn' | 'name'>): InstallDisk {
  if (serial !== undefined) return { kind: 'serial', serial };
  if (wwn !== undefined) return { kind: 'wwid', wwid: wwidOf(wwn) };
  return { kind: 'path', path: name.startsWith('/dev/') ? name : `/dev/${name}` };
}

/** Of `0x5000c500a1b2c3d4`, as udev writes it, what the kernel does: `naa.5000c500a1b2c3d4`. */
export const wwidOf = (wwn: string): string => wwn.replace(/^0x(?=[0-9a-f]+$)/i, 'naa.');

/** What a machine of a cluster is given: what is generated, and what cluster, class, profile and machine say over it. */
export function clusterConfig(input: ClusterConfigInput): ClusterConfig {
  const { machine, cluster, secrets, disk, schematic } = input;
  const { name } = machine.document;
  const version = versionOf(cluster);
  const role = roleIn(cluster, name);
  const whyNot = disk && whyNotSelectable(disk, version);
  if (whyNot !== undefined) return { ok: false, problems: [{ from: `machine ${name}`, because: whyNot }] };
  const base = machineConfig({
    role,
    version,
    secrets,
    cluster: {
      name: cluster.name,
      endpoint: cluster.endpoint,
      kubernetes: cluster.kubernetes,
      discovery: cluster.discovery,
      workloadsOnControlPlanes: cluster.workloadsOnControlPlanes,
      ...(cluster.podSubnets.length === 0 ? {} : { podSubnets: cluster.podSubnets }),
      ...(cluster.serviceSubnets.length === 0 ? {} : { serviceSubnets: cluster.serviceSubnets }),
    },
    hostname: name,
    ...(disk ? { install: { disk, image: installerOf(cluster, schematic, version) } } : {}),
  });
  const network = networkLayer(input, version);
  if (!network.ok) return network;
  const patches = patchLayers(input, role);
  if (!patches.ok) return patches;
  const layers = [...network.layers, ...patches.layers].filter(({ documents }) => documents.length > 0);
  let documents = base;
  for (const layer of layers) {
    const result = patched(documents, layer.documents);
    if (!result.ok) {
      const problems = result.issues.map(({ document, path, text }) => ({
        from: layer.from,
        because: `[${document}]${path.length === 0 ? '' : `.${pathText(path)}`}: ${text}`,
      }));
      return { ok: false, problems };
    }
    documents = result.documents;
  }
  const problems = validateConfig(documents, { version, installs: disk !== undefined }).map((issue) =>
    placed(issue, layers),
  );
  if (disk) problems.push(...otherDisk(base, documents, layers), ...moreDisks(documents, layers));
  return problems.length > 0
    ? { ok: false, problems }
    : { ok: true, text: configText(documents), role, documents, layers };
}

/** The least specific first. */
function patchLayers(input: ClusterConfigInput, role: TalosRole): Layers {
  const { cluster, ofClass, profile, machine } = input;
  const ofRole = role === 'controlplane' ? 'controlPlane' : 'workers';
  const { data } = configurationOf(input);
  const values = { machine, profile: profile?.name, attempt: '', data };
  const layers: ConfigLayer[] = [
    { from: `cluster ${cluster.name} patches.all`, documents: cluster.patches.all },
    { from: `cluster ${cluster.name} patches.${ofRole}`, documents: cluster.patches[ofRole] },
  ];
  for (const [who, config] of [
    [`class ${ofClass?.name}`, ofClass?.config],
    [`profile ${profile?.name}`, profile?.config],
    [`machine ${machine.document.name}`, machine.document.config],
  ] as const) {
    const from = `${who} config.talos`;
    const documents: TalosDocument[] = [];
    for (const [index, document] of (config?.talos ?? []).entries()) {
      const filled = fillTree(document, values);
      if (!filled.ok)
        return { ok: false, problems: [{ from, because: `[${index}]${filled.path}: ${filled.because}` }] };
      documents.push(filled.value);
    }
    layers.push({ from, documents });
  }
  return { ok: true, layers };
}

type Layers =
  | { readonly ok: true; readonly layers: readonly ConfigLayer[] }
  | Extract<ClusterConfig, { readonly ok: false }>;

function networkLayer(
  input: ClusterConfigInput,
  version: TalosVersion,
): { readonly ok: true; readonly layers: readonly ConfigLayer[] } | Extract<ClusterConfig, { readonly ok: false }> {
  const { network } = configurationOf(input);
  if (!network) return { ok: true, layers: [] };
  const isNew = isAtLeast(version, 14);
  const result = isNew ? renderTalosDocuments(network.intent) : renderTalosLegacy(network.intent);
  if (result.kind === 'refused') {
    const problems = result.refusals.map(({ key, because }) => ({
      from: network.from,
      because: `network.${key}: ${because}`,
    }));
    return { ok: false, problems };
  }
  const { value } = result;
  const documents = Array.isArray(value)
    ? (value as readonly TreeMap[])
    : [treeMap({ version: V1ALPHA1, machine: { network: value as TreeMap } })];
  return { ok: true, layers: [{ from: `${network.from} network`, documents }] };
}

/** The plan names the disk; whoever patches another one in would have what nobody confirmed written. */
function otherDisk(
  base: readonly TalosDocument[],
  documents: readonly TalosDocument[],
  layers: readonly ConfigLayer[],
): readonly ConfigProblem[] {
  const changed = INSTALL_KEYS.find(({ kind, path }) => {
    const [before, after] = [base, documents].map((all) => {
      const found = all.find((one) => (kind === V1ALPHA1 ? one['kind'] === undefined : one['kind'] === kind));
      return JSON.stringify(valueAt(found, path));
    });
    return before !== after;
  });
  if (!changed) return [];
  const from = layers.findLast((layer) =>
    layer.documents.some((one) => valueAt(one, changed.path) !== undefined),
  )?.from;
  const because = `${pathText(changed.path)}: the disk is the plan's to name, and whether it is erased too`;
  return [{ from: from ?? 'a patch', because }];
}

const INSTALL_KEYS: readonly { readonly kind: string; readonly path: TreePath }[] = [
  { kind: V1ALPHA1, path: ['machine', 'install', 'disk'] },
  { kind: V1ALPHA1, path: ['machine', 'install', 'diskSelector'] },
  { kind: V1ALPHA1, path: ['machine', 'install', 'wipe'] },
  { kind: 'UnattendedInstallConfig', path: ['provisioning'] },
];

/** Documents by which Talos takes disks beside the one that it is installed on. */
const VOLUMES: readonly string[] = [
  'UserVolumeConfig',
  'RawVolumeConfig',
  'SwapVolumeConfig',
  'LVMVolumeGroupConfig',
  'RAIDArrayConfig',
];

/** No disk is written that no plan names: while it is installed, a machine makes volumes on its system disk only. */
function moreDisks(documents: readonly TalosDocument[], layers: readonly ConfigLayer[]): readonly ConfigProblem[] {
  return documents.flatMap((document): readonly ConfigProblem[] => {
    const id = documentId(document);
    const kind = kindOf(document);
    const selector = valueAt(document, ['provisioning', 'diskSelector', 'match']);
    const takes =
      kind === V1ALPHA1
        ? valueAt(document, ['machine', 'disks']) !== undefined
        : VOLUMES.includes(kind) && selector !== 'system_disk';
    if (!takes) return [];
    const path = kind === V1ALPHA1 ? ['machine', 'disks'] : [];
    const because = `${id}${kind === V1ALPHA1 ? ': machine.disks' : ''}: it takes a disk that no plan names; give it to the machine when it runs`;
    return [{ from: saidBy(id, path, layers)?.from ?? 'a patch', because }];
  });
}

const pathText = (path: TreePath): string =>
  path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');

/** Who said it last: the deepest part of the path that any layer has. */
function placed({ document, path, text }: ConfigIssue, layers: readonly ConfigLayer[]): ConfigProblem {
  const because = `${document}${path.length === 0 ? '' : `: ${pathText(path)}`}: ${text}`;
  for (let length = path.length; length > 0; length--) {
    const found = saidBy(document, path.slice(0, length), layers);
    if (found) return { from: found.from, because };
  }
  return { from: path.length === 0 ? (saidBy(document, [], layers)?.from ?? 'generated') : 'generated', because };
}

const saidBy = (document: string, path: TreePath, layers: readonly ConfigLayer[]): ConfigLayer | undefined =>
  layers.findLast(({ documents }) =>
    documents.some((one) => documentId(one) === document && valueAt(one, path) !== undefined),
  );

/** A value of the configuration and who said it: `talos.LinkConfig/eno1.mtu`. */
export type TalosOrigin = { readonly path: string; readonly value: Tree; readonly from: string };

/** Every value of a configuration, in its order. What no layer said is the cluster's. */
export function talosOrigins(
  { documents, layers }: Extract<ClusterConfig, { readonly ok: true }>,
  cluster: string,
): readonly TalosOrigin[] {
  return documents.flatMap((document) => {
    const id = documentId(document);
    return leaves(document, []).flatMap(({ path, value }): readonly TalosOrigin[] => {
      const [first] = path;
      if (path.length === 1 && (first === 'apiVersion' || first === 'kind' || first === 'version')) return [];
      const from = saidBy(id, path, layers)?.from ?? `cluster ${cluster}`;
      return [{ path: `talos.${id}.${pathText(path)}`, value, from }];
    });
  });
}

function leaves(value: Tree, path: TreePath): readonly { readonly path: TreePath; readonly value: Tree }[] {
  if (isMap(value) && !isList(value) && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]));
  }
  return [{ path, value }];
}
