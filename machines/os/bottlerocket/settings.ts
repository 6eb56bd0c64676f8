import { z } from 'zod';

/**
 * The keys of Bottlerocket's settings that a machine of metal has, with the forms of their values, as its documentation
 * lists them up to release 1.53 (bottlerocket-project-website, data/settings). Those of clouds, ECS and graphics cards
 * are not among them. A key that is not known is an error: Bottlerocket takes all of user data or nothing, and says so
 * only on its console.
 */
const text = z.string();
const flag = z.boolean();
const count = z.int().min(0);
/** Its own numbers of requests may be negative: no limit. */
const integer = z.int();
const base64 = z.base64();
const words = z.array(text);
/** `500Mi`, `5%`, `1m30s`: Kubernetes reads them. */
const quantities = z.record(text, text);

const container = z.strictObject({
  source: text.optional(),
  enabled: flag.optional(),
  superpowered: flag.optional(),
  'user-data': base64.optional(),
});
const bootMode = z.enum(['off', 'once', 'always']);
const limits = z.record(text, z.union([z.int(), z.strictObject({ 'hard-limit': z.int(), 'soft-limit': z.int() })]));

const kubernetes = z.strictObject({
  'allowed-unsafe-sysctls': words.optional(),
  'api-server': text.optional(),
  'authentication-mode': z.enum(['tls', 'aws']).optional(),
  'bootstrap-token': text.optional(),
  'cloud-provider': text.optional(),
  'cluster-certificate': base64.optional(),
  'cluster-dns-ip': z.union([text, words]).optional(),
  'cluster-domain': text.optional(),
  'cluster-name': text.optional(),
  'container-log-max-files': integer.optional(),
  'container-log-max-size': text.optional(),
  'container-log-max-workers': count.optional(),
  'container-log-monitor-interval': text.optional(),
  'cpu-cfs-quota-enforced': flag.optional(),
  'cpu-manager-policy': z.enum(['none', 'static']).optional(),
  'cpu-manager-policy-options': words.optional(),
  'cpu-manager-reconcile-period': text.optional(),
  'credential-providers': z.record(text, z.json()).optional(),
  'device-ownership-from-security-context': flag.optional(),
  'event-burst': integer.optional(),
  'event-qps': integer.optional(),
  'eviction-hard': quantities.optional(),
  'eviction-max-pod-grace-period': integer.optional(),
  'eviction-soft': quantities.optional(),
  'eviction-soft-grace-period': quantities.optional(),
  'hostname-override': text.optional(),
  'hostname-override-source': text.optional(),
  'ids-per-pod': count.optional(),
  'image-gc-high-threshold-percent': z.union([text, count]).optional(),
  'image-gc-low-threshold-percent': z.union([text, count]).optional(),
  'image-maximum-gc-age': text.optional(),
  'image-minimum-gc-age': text.optional(),
  'kube-api-burst': integer.optional(),
  'kube-api-qps': integer.optional(),
  'kube-reserved': quantities.optional(),
  'log-level': integer.optional(),
  'max-parallel-image-pulls': integer.optional(),
  'max-pods': count.optional(),
  'memory-manager-policy': z.enum(['None', 'Static']).optional(),
  'memory-manager-reserved-memory': z.record(text, z.json()).optional(),
  'node-ip': text.optional(),
  'node-labels': z.record(text, text).optional(),
  'node-taints': z.record(text, z.union([text, words])).optional(),
  'pod-infra-container-image': text.optional(),
  'pod-pids-limit': integer.optional(),
  'provider-id': text.optional(),
  'registry-burst': integer.optional(),
  'registry-qps': integer.optional(),
  'reserved-cpus': text.optional(),
  'seccomp-default': flag.optional(),
  'server-certificate': base64.optional(),
  'server-key': base64.optional(),
  'server-tls-bootstrap': flag.optional(),
  'shutdown-grace-period': text.optional(),
  'shutdown-grace-period-for-critical-pods': text.optional(),
  'single-process-oom-kill': flag.optional(),
  'standalone-mode': flag.optional(),
  'static-pods': z.record(text, z.strictObject({ enabled: flag.optional(), manifest: base64.optional() })).optional(),
  'system-reserved': quantities.optional(),
  'topology-manager-policy': z.enum(['none', 'restricted', 'best-effort', 'single-numa-node']).optional(),
  'topology-manager-scope': z.enum(['container', 'pod']).optional(),
});

const registryCredential = z.strictObject({
  registry: text,
  username: text.optional(),
  password: text.optional(),
  auth: text.optional(),
  identitytoken: text.optional(),
});

export const bottlerocketSettings = z.strictObject({
  kubernetes: kubernetes.optional(),
  'host-containers': z.record(text, container).optional(),
  'bootstrap-containers': z
    .record(
      text,
      z.strictObject({
        source: text.optional(),
        mode: bootMode.optional(),
        'user-data': base64.optional(),
        essential: flag.optional(),
      }),
    )
    .optional(),
  'bootstrap-commands': z
    .record(
      text,
      z.strictObject({
        commands: z.array(words).optional(),
        mode: bootMode.optional(),
        essential: flag.optional(),
      }),
    )
    .optional(),
  boot: z
    .strictObject({
      'reboot-to-reconcile': flag.optional(),
      'kernel-parameters': z.record(text, words).optional(),
      'init-parameters': z.record(text, words).optional(),
    })
    .optional(),
  'container-registry': z
    .strictObject({
      mirrors: z
        .union([
          z.array(z.strictObject({ registry: text, endpoint: words })),
          z.record(text, z.strictObject({ endpoint: words })),
        ])
        .optional(),
      credentials: z.array(registryCredential).optional(),
    })
    .optional(),
  'container-runtime': z
    .strictObject({
      'concurrent-download-chunk-size': text.optional(),
      'enable-unprivileged-icmp': flag.optional(),
      'enable-unprivileged-ports': flag.optional(),
      'max-concurrent-downloads': integer.optional(),
      'max-container-log-line-size': integer.optional(),
      snapshotter: text.optional(),
    })
    .optional(),
  dns: z.strictObject({ 'name-servers': words.optional(), 'search-list': words.optional() }).optional(),
  kernel: z
    .strictObject({
      lockdown: z.enum(['none', 'integrity', 'confidentiality']).optional(),
      modules: z.record(text, z.strictObject({ allowed: flag.optional(), autoload: flag.optional() })).optional(),
      sysctl: z.record(text, text).optional(),
    })
    .optional(),
  metrics: z
    .strictObject({
      'metrics-url': text.optional(),
      'send-metrics': flag.optional(),
      'service-checks': words.optional(),
    })
    .optional(),
  motd: text.optional(),
  network: z
    .strictObject({
      hostname: text.optional(),
      hosts: z.array(z.tuple([text, words])).optional(),
      'https-proxy': text.optional(),
      'no-proxy': words.optional(),
    })
    .optional(),
  ntp: z.strictObject({ 'time-servers': words.optional(), options: words.optional() }).optional(),
  'oci-defaults': z
    .strictObject({ capabilities: z.record(text, flag).optional(), 'resource-limits': limits.optional() })
    .optional(),
  'oci-hooks': z.strictObject({ 'log4j-hotpatch-enabled': flag.optional() }).optional(),
  pki: z.record(text, z.strictObject({ data: base64.optional(), trusted: flag.optional() })).optional(),
  updates: z
    .strictObject({
      'ignore-waves': flag.optional(),
      'metadata-base-url': text.optional(),
      seed: count.optional(),
      'targets-base-url': text.optional(),
      'version-lock': text.optional(),
    })
    .optional(),
});
export type BottlerocketSettings = z.output<typeof bottlerocketSettings>;

/** What is wrong with a tree of settings, each with its key as in `settings.kubernetes.max-pods`. */
export function settingsProblems(tree: unknown): readonly { readonly key: string; readonly because: string }[] {
  const read = bottlerocketSettings.safeParse(tree);
  if (read.success) return [];
  return read.error.issues.flatMap((issue) => {
    const path = ['settings', ...issue.path.map(String)];
    if (issue.code !== 'unrecognized_keys') return [{ key: path.join('.'), because: issue.message }];
    return issue.keys.map((key) => ({
      key: [...path, key].join('.'),
      because: 'Bottlerocket on metal knows no such setting',
    }));
  });
}
