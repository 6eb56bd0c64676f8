import { type TalosDocument, treeMap, V1ALPHA1 } from './documents.ts';
import { encoded, type KeyedPem, type TalosSecrets } from './secrets.ts';
import { isAtLeast, type TalosVersion } from './version.ts';
import type { YamlValue } from './yaml-text.ts';

export type TalosRole = 'controlplane' | 'worker';

/** The disk of the plan, by what tells it from all others; a path only where it has neither serial nor WWID. */
export type InstallDisk =
  | { readonly kind: 'serial'; readonly serial: string }
  /** As the kernel writes it: `naa.5000c5…`, `eui.…`. */
  | { readonly kind: 'wwid'; readonly wwid: string }
  /** With /dev/. */
  | { readonly kind: 'path'; readonly path: string };

export type MachineConfigInput = {
  readonly role: TalosRole;
  readonly version: TalosVersion;
  readonly secrets: TalosSecrets;
  readonly cluster: {
    readonly name: string;
    /** `https://host:port` of the Kubernetes API. */
    readonly endpoint: string;
    /** `1.35.2`, without a v. */
    readonly kubernetes: string;
    readonly dnsDomain?: string;
    readonly podSubnets?: readonly string[];
    readonly serviceSubnets?: readonly string[];
    /** Of machines by the vendor's service; true as the stock tools have it. Without it only Kubernetes knows the members. */
    readonly discovery?: boolean;
    /** Pods may run on control planes too; false as the stock tools have it. */
    readonly workloadsOnControlPlanes?: boolean;
  };
  /** None for a machine that runs from memory. */
  readonly install?: {
    readonly disk: InstallDisk;
    /** A reference of a registry that the machine reaches. */
    readonly image: string;
    /** Erases the whole disk first; false, for the daemon's own wipe is the one that is proven. */
    readonly wipe?: boolean;
  };
  /** None: made from the machine's identity, the same after every boot. */
  readonly hostname?: string;
  /** Names and addresses beside its own under which the machine's API is reached. */
  readonly certSans?: readonly string[];
};

const POD_SUBNETS = ['10.244.0.0/16'];
const SERVICE_SUBNETS = ['10.96.0.0/12'];
const DNS_DOMAIN = 'cluster.local';
const KUBE_PRISM_PORT = 7445;
const EXCLUDE_FROM_BALANCERS = 'node.kubernetes.io/exclude-from-external-load-balancers';
const CONTROL_PLANE = 'node-role.kubernetes.io/control-plane';
const DISCOVERY_SERVICE = 'https://discovery.talos.dev/';

/**
 * The configuration of one machine before patches: what the stock generator gives for that release, except the install
 * disk, which is chosen by what cannot move to another disk. Up to Talos 1.13 nearly all of it is one document; from 1.14
 * on most has documents of its own.
 */
export function machineConfig(input: MachineConfigInput): readonly TalosDocument[] {
  return isAtLeast(input.version, 14) ? documentsOf114(input) : documentsTo113(input);
}

type Members = { readonly [key: string]: YamlValue | undefined };

/** Only the certificate: a worker must never hold the key. */
const certificateOnly = ({ crt }: KeyedPem): Members => ({ crt: btoa(crt), key: '' });

const caFor = (role: TalosRole, ca: KeyedPem): Members => (role === 'controlplane' ? encoded(ca) : certificateOnly(ca));

const listed = <T>(list: readonly T[] | undefined): readonly T[] | undefined =>
  list === undefined || list.length === 0 ? undefined : list;

// ---- Up to 1.13

function documentsTo113(input: MachineConfigInput): readonly TalosDocument[] {
  const { version, role, hostname } = input;
  const v1alpha1 = treeMap({
    version: V1ALPHA1,
    debug: false,
    persist: true,
    machine: machineTo113(input),
    cluster: role === 'controlplane' ? controlPlaneClusterTo113(input) : workerClusterTo113(input),
  });
  return isAtLeast(version, 12) ? [v1alpha1, hostnameDocument(hostname)] : [v1alpha1];
}

function machineTo113({ role, version, secrets, cluster, install, hostname, certSans }: MachineConfigInput): Members {
  const before12 = !isAtLeast(version, 12);
  return {
    type: role,
    token: secrets.machineToken,
    ca: caFor(role, secrets.ca.machine),
    certSANs: certSans ?? [],
    kubelet: {
      image: `ghcr.io/siderolabs/kubelet:v${cluster.kubernetes}`,
      defaultRuntimeSeccompProfileEnabled: true,
      disableManifestsDirectory: true,
    },
    network: isAtLeast(version, 13) ? undefined : { hostname: before12 ? hostname : undefined },
    install: install && {
      ...installDiskTo113(install.disk),
      image: install.image,
      wipe: install.wipe ?? false,
      grubUseUKICmdline: before12 ? undefined : true,
    },
    features: {
      rbac: before12 ? true : undefined,
      stableHostname: before12 && hostname === undefined ? true : undefined,
      apidCheckExtKeyUsage: before12 ? true : undefined,
      diskQuotaSupport: true,
      kubePrism: { enabled: true, port: KUBE_PRISM_PORT },
      hostDNS: { enabled: true, forwardKubeDNSToHost: true },
    },
    nodeLabels: role === 'controlplane' ? { [EXCLUDE_FROM_BALANCERS]: '' } : undefined,
  };
}

/** Selectors are patterns here: see {@link whyNotSelectable}. */
function installDiskTo113(disk: InstallDisk): Members {
  switch (disk.kind) {
    case 'serial':
      return { diskSelector: { serial: disk.serial } };
    case 'wwid':
      return { diskSelector: { wwid: disk.wwid } };
    case 'path':
      return { disk: disk.path };
    default:
      return disk satisfies never;
  }
}

/** Why a disk cannot be named so to Talos; undefined where it can. */
export function whyNotSelectable(disk: InstallDisk, version: TalosVersion): string | undefined {
  const text = disk.kind === 'serial' ? disk.serial : disk.kind === 'wwid' ? disk.wwid : disk.path;
  if (text.trim() === '' || /\p{Cc}/u.test(text)) return `the ${disk.kind} of the disk is empty or not printable`;
  if (disk.kind === 'path') return text.startsWith('/dev/') ? undefined : `${text} does not begin with /dev/`;
  const isPattern = !isAtLeast(version, 14) && text.includes('*');
  return isPattern ? `the ${disk.kind} ${text} has a star, which Talos before 1.14 takes for a pattern` : undefined;
}

const clusterTo113 = ({ cluster, secrets }: MachineConfigInput): Members => ({
  id: secrets.cluster.id,
  secret: secrets.cluster.secret,
  controlPlane: { endpoint: cluster.endpoint },
  clusterName: cluster.name,
  network: {
    dnsDomain: cluster.dnsDomain ?? DNS_DOMAIN,
    podSubnets: cluster.podSubnets ?? POD_SUBNETS,
    serviceSubnets: cluster.serviceSubnets ?? SERVICE_SUBNETS,
  },
  token: secrets.bootstrapToken,
});

const discoveryTo113 = ({ cluster }: MachineConfigInput): Members => ({
  enabled: cluster.discovery ?? true,
  registries: { kubernetes: { disabled: true }, service: {} },
});

const workerClusterTo113 = (input: MachineConfigInput): Members => ({
  ...clusterTo113(input),
  ca: certificateOnly(input.secrets.ca.kubernetes),
  discovery: discoveryTo113(input),
});

function controlPlaneClusterTo113(input: MachineConfigInput): Members {
  const { cluster, secrets, version } = input;
  const before12 = !isAtLeast(version, 12);
  const image = (name: string) => `registry.k8s.io/${name}:v${cluster.kubernetes}`;
  const { etcdEncryption } = secrets;
  return {
    ...clusterTo113(input),
    [etcdEncryption.kind === 'secretbox' ? 'secretboxEncryptionSecret' : 'aescbcEncryptionSecret']: etcdEncryption.key,
    ca: encoded(secrets.ca.kubernetes),
    aggregatorCA: encoded(secrets.ca.aggregator),
    serviceAccount: { key: btoa(secrets.serviceAccountKey) },
    apiServer: {
      image: image('kube-apiserver'),
      certSANs: before12 ? [hostOf(cluster.endpoint)] : undefined,
      disablePodSecurityPolicy: before12 ? true : undefined,
      admissionControl: [{ name: 'PodSecurity', configuration: POD_SECURITY }],
      auditPolicy: AUDIT_POLICY,
    },
    controllerManager: { image: image('kube-controller-manager') },
    proxy: { image: image('kube-proxy') },
    scheduler: { image: image('kube-scheduler') },
    discovery: discoveryTo113(input),
    etcd: { ca: encoded(secrets.ca.etcd) },
    allowSchedulingOnControlPlanes: cluster.workloadsOnControlPlanes ? true : undefined,
  };
}

const hostOf = (endpoint: string): string => new URL(endpoint).hostname.replace(/^\[(.*)\]$/, '$1');

// ---- From 1.14

const document = (kind: string, members: Members): TalosDocument => treeMap({ apiVersion: V1ALPHA1, kind, ...members });

const hostnameDocument = (hostname: string | undefined): TalosDocument =>
  document('HostnameConfig', hostname === undefined ? { auto: 'stable' } : { auto: 'off', hostname });

function documentsOf114(input: MachineConfigInput): readonly TalosDocument[] {
  const { role, secrets, cluster, install, hostname } = input;
  const isControlPlane = role === 'controlplane';
  return [
    treeMap({
      version: V1ALPHA1,
      debug: false,
      persist: true,
      machine: {
        type: role,
        token: secrets.machineToken,
        ca: caFor(role, secrets.ca.machine),
        certSANs: input.certSans ?? [],
        features: { diskQuotaSupport: true },
      },
      cluster: { token: secrets.bootstrapToken, etcd: isControlPlane ? { ca: encoded(secrets.ca.etcd) } : undefined },
    }),
    ...(cluster.discovery === false
      ? []
      : [document('DiscoveryServiceConfig', { name: 'default', endpoint: DISCOVERY_SERVICE })]),
    document('DiscoveryIdentityConfig', { clusterID: secrets.cluster.id, clusterSecret: secrets.cluster.secret }),
    ...(install ? [unattendedInstall(install)] : []),
    document('ResolverConfig', { hostDNS: { enabled: true, forwardKubeDNSToHost: true } }),
    document('VolumeConfig', { name: 'EPHEMERAL', mount: { secure: true } }),
    document('FilesystemTrimConfig', { interval: '168h0m0s' }),
    document('SecurityProfileConfig', { workloadIsolation: true }),
    hostnameDocument(hostname),
    ...kubernetesOfAll(input),
    ...(isControlPlane ? kubernetesOfControlPlanes(input) : []),
  ];
}

const unattendedInstall = ({ disk, image, wipe }: NonNullable<MachineConfigInput['install']>): TalosDocument =>
  document('UnattendedInstallConfig', {
    installer: { image },
    provisioning: { diskSelector: { match: diskExpression(disk) }, wipe: wipe ?? false },
  });

/** An expression of CEL; its texts are quoted as JSON's are. */
function diskExpression(disk: InstallDisk): string {
  switch (disk.kind) {
    case 'serial':
      return `disk.serial == ${JSON.stringify(disk.serial)}`;
    case 'wwid':
      return `disk.wwid == ${JSON.stringify(disk.wwid)}`;
    case 'path':
      return `disk.dev_path == ${JSON.stringify(disk.path)}`;
    default:
      return disk satisfies never;
  }
}

function kubernetesOfAll({ role, secrets, cluster }: MachineConfigInput): readonly TalosDocument[] {
  const isControlPlane = role === 'controlplane';
  const { crt: cert, key } = secrets.ca.kubernetes;
  return [
    document('KubeClusterConfig', { clusterName: cluster.name, endpoint: cluster.endpoint }),
    document('KubeNodeConfig', {
      nodeIP: {},
      labels: isControlPlane ? { [CONTROL_PLANE]: '', [EXCLUDE_FROM_BALANCERS]: '' } : undefined,
      taints: isControlPlane && !cluster.workloadsOnControlPlanes ? { [CONTROL_PLANE]: 'NoSchedule' } : undefined,
    }),
    document('KubeletConfig', {
      image: `ghcr.io/siderolabs/kubelet:v${cluster.kubernetes}`,
      config: {},
      defaultRuntimeSeccompProfileEnabled: true,
    }),
    document('KubeNetworkConfig', {
      dnsDomain: cluster.dnsDomain ?? DNS_DOMAIN,
      podSubnets: listed(cluster.podSubnets) ?? POD_SUBNETS,
      serviceSubnets: listed(cluster.serviceSubnets) ?? SERVICE_SUBNETS,
    }),
    document('KubeAPIServerCAConfig', isControlPlane ? { issuingCA: { cert, key } } : { acceptedCAs: [cert] }),
    document('KubePrismConfig', { port: KUBE_PRISM_PORT }),
  ];
}

function kubernetesOfControlPlanes({ secrets, cluster }: MachineConfigInput): readonly TalosDocument[] {
  const image = (name: string) => `registry.k8s.io/${name}:v${cluster.kubernetes}`;
  const { crt: cert, key } = secrets.ca.aggregator;
  const { etcdEncryption } = secrets;
  return [
    document('KubeAggregatorCAConfig', { issuingCA: { cert, key } }),
    document('KubeAdmissionControlConfig', { name: 'PodSecurity', configuration: POD_SECURITY }),
    document('KubeAuditPolicyConfig', { configuration: AUDIT_POLICY }),
    document('KubeAuthenticationConfig', {
      configuration: {
        anonymous: { conditions: [{ path: '/livez' }, { path: '/readyz' }, { path: '/healthz' }], enabled: true },
        jwt: [],
      },
    }),
    document('KubeAuthorizerConfig', { name: 'node', type: 'Node' }),
    document('KubeAuthorizerConfig', { name: 'rbac', type: 'RBAC' }),
    document('KubeEtcdEncryptionConfig', {
      config: {
        resources: [
          {
            providers: [
              {
                // By these names secrets are found again that were written before an upgrade from 1.13.
                [etcdEncryption.kind]: {
                  keys: [{ name: etcdEncryption.kind === 'secretbox' ? 'key2' : 'key1', secret: etcdEncryption.key }],
                },
              },
            ],
            resources: ['secrets'],
          },
        ],
      },
    }),
    document('KubeServiceAccountConfig', {
      issuer: { privateKey: secrets.serviceAccountKey, issuerURL: cluster.endpoint },
    }),
    document('KubeAPIServerConfig', { image: image('kube-apiserver') }),
    document('KubeControllerManagerConfig', { image: image('kube-controller-manager') }),
    document('KubeSchedulerConfig', { image: image('kube-scheduler'), config: {} }),
    document('KubeProxyConfig', { image: image('kube-proxy'), config: {} }),
    document('KubeFlannelCNIConfig', { backendType: 'vxlan', backendPort: 4789 }),
    document('KubeCoreDNSConfig', { enabled: true }),
  ];
}

// ---- Of both

const POD_SECURITY: Members = {
  apiVersion: 'pod-security.admission.config.k8s.io/v1alpha1',
  defaults: {
    audit: 'restricted',
    'audit-version': 'latest',
    enforce: 'baseline',
    'enforce-version': 'latest',
    warn: 'restricted',
    'warn-version': 'latest',
  },
  exemptions: { namespaces: ['kube-system'], runtimeClasses: [], usernames: [] },
  kind: 'PodSecurityConfiguration',
};

const AUDIT_POLICY: Members = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] };
