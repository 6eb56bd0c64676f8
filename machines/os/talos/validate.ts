import {
  documentId,
  isList,
  isMap,
  kindOf,
  nameOf,
  type TalosDocument,
  type Tree,
  type TreePath,
  V1ALPHA1,
  valueAt,
  whyNotKind,
} from './documents.ts';
import { TOKEN_FORM } from './secrets.ts';
import { type TalosVersion, talosVersionText } from './version.ts';

/** Something wrong with a configuration: in which document, and where in it. The text never shows a secret. */
export type ConfigIssue = { readonly document: string; readonly path: TreePath; readonly text: string };

export type ConfigUse = {
  readonly version: TalosVersion;
  /** Is it to be installed on a disk? Then it must say on which. */
  readonly installs: boolean;
};

/**
 * What a machine would refuse, or would stall on, said before anything boots. Not all of it: the machine's own checks
 * know every field. None means that nothing wrong was found.
 */
export function validateConfig(documents: readonly TalosDocument[], use: ConfigUse): readonly ConfigIssue[] {
  const found = documents.flatMap((document) => [...ofDocument(document, use)]);
  const legacy = documents.filter((document) => kindOf(document) === V1ALPHA1);
  const [v1alpha1] = legacy;
  if (!v1alpha1 || legacy.length > 1) {
    return [...found, { document: V1ALPHA1, path: [], text: `got ${legacy.length} of this document, want one` }];
  }
  return [...found, ...duplicates(documents), ...ofWhole({ documents, v1alpha1, use })];
}

type Issues = Generator<ConfigIssue, void, undefined>;

function* duplicates(documents: readonly TalosDocument[]): Issues {
  const ids = documents.map(documentId);
  for (const id of new Set(ids.filter((one, index) => ids.indexOf(one) < index))) {
    yield { document: id, path: [], text: 'it is there more than once' };
  }
}

// ---- Each document by itself

const TOP_KEYS = words('version debug persist machine cluster');
const MACHINE_KEYS = words(`type token ca acceptedCAs certSANs controlPlane kubelet pods network disks install files env
  time sysctls sysfs registries systemDiskEncryption features udev logging kernel seccompProfiles
  baseRuntimeSpecOverrides nodeLabels nodeAnnotations nodeTaints`);
const CLUSTER_KEYS = words(`id secret controlPlane clusterName network token aescbcEncryptionSecret
  secretboxEncryptionSecret ca acceptedCAs aggregatorCA serviceAccount apiServer controllerManager proxy scheduler
  discovery etcd coreDNS externalCloudProvider extraManifests extraManifestHeaders inlineManifests adminKubeconfig
  allowSchedulingOnMasters allowSchedulingOnControlPlanes`);

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/));
}

function* ofDocument(document: TalosDocument, { version }: ConfigUse): Issues {
  const id = documentId(document);
  if (kindOf(document) === V1ALPHA1) {
    for (const [path, known] of [
      [[], TOP_KEYS],
      [['machine'], MACHINE_KEYS],
      [['cluster'], CLUSTER_KEYS],
    ] as const) {
      const value = valueAt(document, path);
      for (const key of isMap(value) ? Object.keys(value) : []) {
        if (!known.has(key)) yield { document: id, path: [...path, key], text: 'unknown key' };
      }
    }
    if (document['version'] !== V1ALPHA1) yield { document: id, path: ['version'], text: `want ${V1ALPHA1}` };
    if (document['persist'] === false) yield { document: id, path: ['persist'], text: 'got false, want true' };
    for (const label of ['state', 'ephemeral']) {
      yield* encryption(document, ['machine', 'systemDiskEncryption', label]);
    }
    return;
  }
  if (document['apiVersion'] !== V1ALPHA1) yield { document: id, path: ['apiVersion'], text: `want ${V1ALPHA1}` };
  const whyNot = whyNotKind(kindOf(document), version);
  if (whyNot !== undefined) yield { document: id, path: ['kind'], text: whyNot };
  if (NAMED.has(kindOf(document)) && (nameOf(document) ?? '') === '') {
    yield { document: id, path: ['name'], text: 'want a name' };
  }
  yield* encryption(document, ['encryption']);
}

/** Kinds of which there may be several. */
const NAMED = words(`BGPInstanceConfig BondConfig BridgeConfig DHCPv4Config DHCPv6Config DiscoveryServiceConfig
  DummyLinkConfig EthernetConfig ExistingVolumeConfig ExtensionServiceConfig ExternalVolumeConfig HTTPProbeConfig
  KmsgLogConfig KubeAdmissionControlConfig KubeAuthorizerConfig Layer2VIPConfig LinkAliasConfig LinkConfig
  NetworkRuleConfig RawVolumeConfig StaticHostConfig SwapVolumeConfig TrustedRootsConfig UserVolumeConfig VLANConfig
  VRFConfig VethConfig VolumeConfig WireguardConfig`);

const KEY_METHODS = ['static', 'nodeID', 'kms', 'tpm'] as const;

function* encryption(document: TalosDocument, path: TreePath): Issues {
  const given = valueAt(document, path);
  if (given === undefined) return;
  const id = documentId(document);
  const keys = valueAt(given, ['keys']);
  if (!isList(keys) || keys.length === 0) {
    yield { document: id, path: [...path, 'keys'], text: 'want at least one key' };
    return;
  }
  const slots = keys.map((key) => valueAt(key, ['slot']) ?? 0);
  for (const [index, key] of keys.entries()) {
    const at = [...path, 'keys', index];
    if (slots.indexOf(slots[index] ?? 0) < index) {
      yield { document: id, path: [...at, 'slot'], text: `slot ${shown(slots[index])} is taken by another key` };
    }
    const methods = KEY_METHODS.filter((method) => valueAt(key, [method]) !== undefined);
    if (methods.length !== 1) {
      yield { document: id, path: at, text: `got ${methods.length} of ${KEY_METHODS.join(', ')}, want one` };
    }
  }
}

const shown = (value: Tree | undefined): string =>
  value === undefined || value === null ? 'nothing' : typeof value === 'object' ? 'a structure' : String(value);

// ---- What hangs together

type Whole = {
  readonly documents: readonly TalosDocument[];
  readonly v1alpha1: TalosDocument;
  readonly use: ConfigUse;
};

function* ofWhole(whole: Whole): Issues {
  const { v1alpha1 } = whole;
  const legacy = (path: TreePath, text: string): ConfigIssue => ({ document: V1ALPHA1, path, text });
  for (const section of ['machine', 'cluster']) {
    if (!isMap(v1alpha1[section])) yield legacy([section], 'want this section');
  }
  const machine = v1alpha1['machine'];
  if (!isMap(machine)) return;
  const role = machine['type'];
  if (role !== 'controlplane' && role !== 'worker') {
    yield legacy(['machine', 'type'], `got ${shown(role)}, want controlplane or worker`);
    return;
  }
  if (typeof machine['token'] !== 'string' || !TOKEN_FORM.test(machine['token'])) {
    yield legacy(['machine', 'token'], 'want 6 letters or digits, a dot and 16 more');
  }
  yield* authorities(whole, role);
  yield* endpoints(whole);
  yield* install(whole);
  yield* kubernetes(whole);
  if (role === 'worker') yield* virtualAddresses(whole);
}

function* authorities({ v1alpha1, documents }: Whole, role: 'controlplane' | 'worker'): Issues {
  const has = (path: TreePath) => (valueAt(v1alpha1, path) ?? '') !== '';
  const at = (path: TreePath, text: string): ConfigIssue => ({ document: V1ALPHA1, path, text });
  if (!has(['machine', 'ca', 'crt'])) yield at(['machine', 'ca', 'crt'], 'want the CA of the machine API');
  const issuing = documents.find((document) => kindOf(document) === 'KubeAPIServerCAConfig')?.['issuingCA'];
  if (role === 'controlplane') {
    if (!has(['machine', 'ca', 'key'])) yield at(['machine', 'ca', 'key'], 'a control plane wants the key of the CA');
    return;
  }
  for (const section of ['machine', 'cluster']) {
    if (has([section, 'ca', 'key'])) yield at([section, 'ca', 'key'], 'a worker must not have the key of the CA');
  }
  if (issuing !== undefined) {
    yield { document: 'KubeAPIServerCAConfig', path: ['issuingCA'], text: 'a worker must not have the key of the CA' };
  }
}

function* endpoints({ v1alpha1, documents }: Whole): Issues {
  const legacy = valueAt(v1alpha1, ['cluster', 'controlPlane', 'endpoint']);
  const own = documents.find((document) => kindOf(document) === 'KubeClusterConfig');
  if (legacy === undefined && !own) {
    yield {
      document: V1ALPHA1,
      path: ['cluster', 'controlPlane', 'endpoint'],
      text: 'want the endpoint of the cluster',
    };
    return;
  }
  if (legacy !== undefined && !isEndpoint(legacy)) {
    yield { document: V1ALPHA1, path: ['cluster', 'controlPlane', 'endpoint'], text: wrongEndpoint(legacy) };
  }
  if (own && !isEndpoint(own['endpoint'])) {
    yield { document: documentId(own), path: ['endpoint'], text: wrongEndpoint(own['endpoint']) };
  }
}

/** A URL of HTTPS without user, path or query. */
export const isEndpoint = (value: Tree | undefined): boolean =>
  typeof value === 'string' && URL.canParse(value) && /^https:\/\/[^/@?#]+\/?$/.test(value);
const wrongEndpoint = (value: Tree | undefined): string =>
  `got ${shown(value)}, want a URL such as https://192.0.2.1:6443`;

function* install({ v1alpha1, documents, use }: Whole): Issues {
  const legacy = valueAt(v1alpha1, ['machine', 'install']);
  const own = documents.find((document) => kindOf(document) === 'UnattendedInstallConfig');
  const at = (path: TreePath, text: string): ConfigIssue => ({
    document: V1ALPHA1,
    path: ['machine', 'install', ...path],
    text,
  });
  if (legacy !== undefined && own) yield at([], 'UnattendedInstallConfig says where to install; want one of them');
  if (legacy === undefined && !own && use.installs) yield at([], 'want the disk to install on');
  if (isMap(legacy)) {
    const selector = legacy['diskSelector'];
    const hasDisk = (legacy['disk'] ?? '') !== '' || (isMap(selector) && Object.keys(selector).length > 0);
    if (!hasDisk && use.installs) yield at([], 'want disk or diskSelector');
    if (isMap(selector) && selector['name'] !== undefined)
      yield at(['diskSelector', 'name'], 'Talos knows no names of disks');
    const extra = legacy['extraKernelArgs'];
    if (legacy['grubUseUKICmdline'] === true && isList(extra) && extra.length > 0) {
      yield at(['extraKernelArgs'], 'these are not read with grubUseUKICmdline; they belong in the schematic');
    }
  }
  const match = own && valueAt(own, ['provisioning', 'diskSelector', 'match']);
  if (own && (match ?? '') === '') {
    yield {
      document: documentId(own),
      path: ['provisioning', 'diskSelector', 'match'],
      text: 'want an expression that matches the disk to install on',
    };
  }
}

/** The newest and the oldest minor release of Kubernetes 1, by the minor release of Talos 1. */
const KUBERNETES: Readonly<Record<number, readonly [oldest: number, newest: number]>> = {
  8: [26, 31],
  9: [27, 32],
  10: [28, 33],
  11: [29, 34],
  12: [30, 35],
  13: [31, 36],
  14: [32, 37],
};

/** Why a release of Talos does not run one of Kubernetes; undefined where it does, or where the release is too new to know. */
export function whyNotKubernetes(kubernetes: string, version: TalosVersion): string | undefined {
  const found = /^v?1\.(\d{1,3})\.\d{1,3}(?:-[0-9A-Za-z.-]+)?$/.exec(kubernetes);
  if (!found) return `${kubernetes} is no release of Kubernetes, want such as 1.35.0`;
  const [oldest, newest] = KUBERNETES[version.minor] ?? [0, Number.POSITIVE_INFINITY];
  const minor = Number(found[1]);
  if (minor >= oldest && minor <= newest) return undefined;
  return `Kubernetes ${kubernetes} does not run on Talos ${talosVersionText(version)}, want 1.${oldest} to 1.${newest}`;
}

/** What a new cluster gets where nobody says: not the newest, of which other tools may know nothing yet. */
export function defaultKubernetes(version: TalosVersion): string {
  const [, newest] = KUBERNETES[version.minor] ?? KUBERNETES[NEWEST_MINOR] ?? [0, 36];
  return `1.${newest - 1}.0`;
}
const NEWEST_MINOR = 14;

function* kubernetes({ v1alpha1, documents, use }: Whole): Issues {
  const images: readonly (readonly [string, TreePath, Tree | undefined])[] = [
    ...[
      ['machine', 'kubelet', 'image'],
      ...['apiServer', 'controllerManager', 'proxy', 'scheduler'].map((part) => ['cluster', part, 'image']),
    ].map((path) => [V1ALPHA1, path, valueAt(v1alpha1, path)] as const),
    ...documents
      .filter((document) => OF_KUBERNETES.has(kindOf(document)))
      .map((document) => [documentId(document), ['image'], document['image']] as const),
  ];
  for (const [document, path, image] of images) {
    const tag = typeof image === 'string' ? /:(v?\d[^:@/]*)(?:@.*)?$/.exec(image)?.[1] : undefined;
    const whyNot = tag === undefined ? undefined : whyNotKubernetes(tag.replace(/^v/, ''), use.version);
    if (whyNot !== undefined) yield { document, path, text: whyNot };
  }
}

const OF_KUBERNETES = words(
  'KubeletConfig KubeAPIServerConfig KubeControllerManagerConfig KubeSchedulerConfig KubeProxyConfig',
);

function* virtualAddresses({ v1alpha1, documents }: Whole): Issues {
  const text = 'a virtual address is for control planes';
  const interfaces = valueAt(v1alpha1, ['machine', 'network', 'interfaces']);
  for (const [index, one] of (isList(interfaces) ? interfaces : []).entries()) {
    const at = ['machine', 'network', 'interfaces', index];
    if (valueAt(one, ['vip']) !== undefined) yield { document: V1ALPHA1, path: [...at, 'vip'], text };
    const vlans = valueAt(one, ['vlans']);
    for (const [number, vlan] of (isList(vlans) ? vlans : []).entries()) {
      if (valueAt(vlan, ['vip']) !== undefined) {
        yield { document: V1ALPHA1, path: [...at, 'vlans', number, 'vip'], text };
      }
    }
  }
  for (const document of documents) {
    if (kindOf(document) === 'Layer2VIPConfig') yield { document: documentId(document), path: [], text };
  }
}
