import { isAtLeast, type TalosVersion } from './version.ts';
import { yamlStream, type YamlValue } from './yaml-text.ts';

/** A value of a document, as its YAML says it. */
export type Tree = string | number | boolean | null | readonly Tree[] | { readonly [key: string]: Tree };
export type TreeMap = { readonly [key: string]: Tree };
export type TreePath = readonly (string | number)[];

/** A document of a machine configuration: v1alpha1, which has no kind, or one of the others. */
export type TalosDocument = TreeMap;

export const isMap = (value: Tree | undefined): value is TreeMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const isList = (value: Tree | undefined): value is readonly Tree[] => Array.isArray(value);

/** The kind that stands for the document without one. */
export const V1ALPHA1 = 'v1alpha1';

export const kindOf = (document: TalosDocument): string =>
  typeof document['kind'] === 'string' ? document['kind'] : V1ALPHA1;

/** What tells documents of one kind apart; kinds of which there is one have none. */
export const nameOf = (document: TalosDocument): string | undefined =>
  kindOf(document) !== V1ALPHA1 && typeof document['name'] === 'string' ? document['name'] : undefined;

/** How a document is named to people, and which one a patch is for: `LinkConfig/eno1`, `v1alpha1`. */
export function documentId(document: TalosDocument): string {
  const name = nameOf(document);
  return name === undefined ? kindOf(document) : `${kindOf(document)}/${name}`;
}

export function valueAt(document: Tree | undefined, path: TreePath): Tree | undefined {
  return path.reduce<Tree | undefined>((value, part) => {
    if (typeof part === 'number') return isList(value) ? value[part] : undefined;
    return isMap(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }, document);
}

/** A value with members that may be absent; drops those that are. */
export function tree(value: YamlValue): Tree {
  if (Array.isArray(value)) return (value as readonly YamlValue[]).map(tree);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter((entry): entry is [string, YamlValue] => entry[1] !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, tree(inner)]));
}

export const treeMap = (members: { readonly [key: string]: YamlValue | undefined }): TreeMap =>
  Object.fromEntries(
    Object.entries(members)
      .filter((entry): entry is [string, YamlValue] => entry[1] !== undefined)
      .map(([key, value]) => [key, tree(value)]),
  );

/** The stream that a machine is given. */
export const configText = (documents: readonly TalosDocument[]): string => yamlStream(documents);

/** Kinds by the minor release of Talos 1 that knows them first; of those in 8 some are older. */
const KINDS: Readonly<Record<number, string>> = {
  8: `EventSinkConfig ExtensionServiceConfig KmsgLogConfig KubeSpanEndpointsConfig NetworkDefaultActionConfig
    NetworkRuleConfig SideroLinkConfig TrustedRootsConfig VolumeConfig WatchdogTimerConfig`,
  10: 'EthernetConfig PCIDriverRebindConfig UserVolumeConfig',
  11: 'ExistingVolumeConfig RawVolumeConfig SwapVolumeConfig ZswapConfig',
  12: `BondConfig BridgeConfig DHCPv4Config DHCPv6Config DummyLinkConfig HCloudVIPConfig HostnameConfig Layer2VIPConfig
    LinkAliasConfig LinkConfig OOMConfig RegistryAuthConfig RegistryMirrorConfig RegistryTLSConfig ResolverConfig
    StaticHostConfig TimeSyncConfig VLANConfig WireguardConfig`,
  13: `BlackholeRouteConfig EnvironmentConfig ExternalVolumeConfig ImageVerificationConfig KubeSpanConfig
    RoutingRuleConfig TCPProbeConfig VRFConfig`,
  14: `BGPInstanceConfig CRIBaseRuntimeSpecConfig CRICustomizationConfig ContainerConfig DiscoveryIdentityConfig
    DiscoveryServiceConfig EtcFileConfig FilesystemScrubConfig FilesystemTrimConfig HTTPProbeConfig ImageCacheConfig
    KernelModuleConfig KubeAPIServerCAConfig KubeAPIServerConfig KubeAdmissionControlConfig KubeAggregatorCAConfig
    KubeAuditPolicyConfig KubeAuthenticationConfig KubeAuthorizerConfig KubeClusterConfig KubeControllerManagerConfig
    KubeCoreDNSConfig KubeCredentialProviderConfig KubeEtcdEncryptionConfig KubeExternalManifestConfig
    KubeFlannelCNIConfig KubeInlineManifestConfig KubeNetworkConfig KubeNodeConfig KubePrismConfig KubeProxyConfig
    KubeSchedulerConfig KubeServiceAccountConfig KubeStaticPodConfig KubeTalosAPIAccessConfig KubeletConfig
    LVMLogicalVolumeConfig LVMVolumeGroupConfig RAIDArrayConfig SecurityProfileConfig SysctlConfig SysfsConfig
    UdevRulesConfig UnattendedInstallConfig VethConfig`,
};
const SINCE: ReadonlyMap<string, number> = new Map(
  Object.entries(KINDS).flatMap(([minor, kinds]) => kinds.split(/\s+/).map((kind) => [kind, Number(minor)] as const)),
);

/** Why a release does not take a kind; undefined where it does. */
export function whyNotKind(kind: string, version: TalosVersion): string | undefined {
  const since = SINCE.get(kind);
  if (since === undefined) return `${kind} is no kind that is known`;
  return isAtLeast(version, since) ? undefined : `${kind} exists from Talos 1.${since} on`;
}
