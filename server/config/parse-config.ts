import { resolve } from 'node:path';
import type { SubnetDocument } from '#machines/contract/documents.ts';
import { cidrContains, cidrsOverlap, formatCidr4, formatIpv4Range, rangesOverlap } from '#machines/values/cidr.ts';
import { dotted, formatYamlIssue, readYaml, type YamlPath } from '#services/yaml/read-yaml.ts';
import type { Config } from './config.ts';
import { type ConfigFile, configFile } from './schema.ts';

export type ConfigResult =
  | { readonly ok: true; readonly config: Config; readonly where: (path: YamlPath) => string }
  | { readonly ok: false; readonly issues: readonly string[] };

/**
 * Reads a configuration file's text. Relative paths in it are relative to `baseDir`, the file's own directory. Each
 * issue is one line, `FILE:LINE:COL: what was got, what to write instead`.
 */
export function parseConfig(source: {
  readonly file: string;
  readonly text: string;
  readonly baseDir: string;
}): ConfigResult {
  const read = readYaml(source, configFile);
  if (!read.ok) return { ok: false, issues: read.issues.map(formatYamlIssue) };
  const [first, second] = read.documents;
  const where = (path: YamlPath): string => {
    const { line, column } = first?.at(path) ?? { line: 1, column: 1 };
    return `${source.file}:${line}:${column}`;
  };
  if (second) return { ok: false, issues: [`${source.file}:${second.at([]).line}:1: got a second document, want one`] };
  const raw = first?.value ?? configFile.parse({});
  const issues = disagreements(raw).map(({ path, text }) => `${where(path)}: ${dotted(path)}: ${text}`);
  if (issues.length > 0) return { ok: false, issues };
  return { ok: true, config: complete(raw, source.file, source.baseDir), where };
}

/** The embedded defaults, for a start without a file. */
export function defaultConfig(baseDir: string): Config {
  return complete(configFile.parse({}), undefined, baseDir);
}

function complete(raw: ConfigFile, file: string | undefined, baseDir: string): Config {
  const dataDir = resolve(baseDir, raw.dataDir);
  return {
    site: raw.site,
    dataDir,
    file,
    interfaces: raw.interfaces,
    subnets: raw.subnets.map(asDocument),
    dhcp: raw.dhcp,
    boot: { listen: raw.boot.listen, advertise: raw.boot.advertise?.replace(/\/+$/, '') },
    tftp: { ...raw.tftp, root: raw.tftp.root === undefined ? undefined : resolve(baseDir, raw.tftp.root) },
    machine: raw.machine,
    api: { ...raw.api, tls: tlsOf(raw.api.tls, baseDir), oidc: oidcOf(raw.api.oidc, baseDir) },
    syslog: { listen: raw.syslog.listen },
    jsonLines: { listen: raw.jsonLines.listen },
    loaders: { dir: resolve(baseDir, raw.loaders.dir ?? `${dataDir}/loaders`) },
    registry: { listen: raw.registry.listen, dir: resolve(baseDir, raw.registry.dir ?? `${dataDir}/oci`) },
    images: raw.images,
    store: raw.store,
    traces: raw.traces,
    webhooks: raw.webhooks.map(({ secret, ...rest }) => ({
      ...rest,
      secret: 'file' in secret ? { file: resolve(baseDir, secret.file) } : secret,
    })),
    jobs: raw.jobs,
    otlp: { url: raw.otlp.url },
    log: raw.log,
  };
}

function tlsOf(raw: ConfigFile['api']['tls'], baseDir: string): Config['api']['tls'] {
  if (raw === undefined) return undefined;
  const { certificate, key, clients = false } = 'certificate' in raw || 'clients' in raw ? raw : {};
  const files =
    certificate === undefined || key === undefined
      ? undefined
      : { certificate: resolve(baseDir, certificate), key: resolve(baseDir, key) };
  return { files, clients };
}

function oidcOf(raw: ConfigFile['api']['oidc'], baseDir: string): Config['api']['oidc'] {
  if (raw === undefined) return undefined;
  const { clientSecret, defaultRole, ...rest } = raw;
  return {
    ...rest,
    defaultRole,
    clientSecret:
      clientSecret !== undefined && 'file' in clientSecret
        ? { file: resolve(baseDir, clientSecret.file) }
        : clientSecret,
  };
}

function asDocument(subnet: ConfigFile['subnets'][number]): SubnetDocument {
  return { kind: 'Subnet', ...subnet, name: subnet.name ?? formatCidr4(subnet.cidr).replace('/', '-') };
}

type Disagreement = { readonly path: YamlPath; readonly text: string };

/** What each value alone cannot show. */
function disagreements({ interfaces, subnets, webhooks }: ConfigFile): readonly Disagreement[] {
  return [
    ...webhooks.flatMap(({ url }, index) =>
      webhooks.findIndex((other) => other.url === url) < index
        ? [{ path: ['webhooks', index, 'url'], text: 'it is listed twice; want each URL once' }]
        : [],
    ),
    ...interfaces.flatMap(({ name }, index) =>
      interfaces.findIndex((other) => other.name === name) < index
        ? [{ path: ['interfaces', index, 'name'], text: `${name} is listed twice; want each interface once` }]
        : [],
    ),
    ...(subnets.length > 0
      ? []
      : interfaces.flatMap(({ mode }, index) =>
          mode === 'server'
            ? [
                {
                  path: ['interfaces', index, 'mode'],
                  text: 'server leases from subnets, and none is listed; want one',
                },
              ]
            : [],
        )),
    ...subnets.flatMap((subnet, index) => [
      ...subnets.slice(0, index).flatMap((earlier) => {
        if (!cidrsOverlap(subnet.cidr, earlier.cidr)) return [];
        const [one, other] = [formatCidr4(subnet.cidr), formatCidr4(earlier.cidr)];
        const text =
          one === other ? `${one} is listed twice; want one entry` : `${one} overlaps ${other}; want subnets apart`;
        return [{ path: ['subnets', index, 'cidr'], text }];
      }),
      ...poolDisagreements(subnet, index),
      ...(subnet.router && !cidrContains(subnet.cidr, subnet.router)
        ? [{ path: ['subnets', index, 'router'], text: `${subnet.router} is not in ${formatCidr4(subnet.cidr)}` }]
        : []),
    ]),
  ];
}

function poolDisagreements(subnet: ConfigFile['subnets'][number], index: number): readonly Disagreement[] {
  return subnet.pools.flatMap((pool, at) => {
    const path = ['subnets', index, 'pools', at];
    if (!cidrContains(subnet.cidr, pool.first) || !cidrContains(subnet.cidr, pool.last)) {
      return [{ path, text: `${formatIpv4Range(pool)} is not in ${formatCidr4(subnet.cidr)}` }];
    }
    const earlier = subnet.pools.slice(0, at).find((other) => rangesOverlap(pool, other));
    if (earlier)
      return [{ path, text: `${formatIpv4Range(pool)} overlaps ${formatIpv4Range(earlier)}; want pools apart` }];
    if (subnet.router && rangesOverlap(pool, { first: subnet.router, last: subnet.router })) {
      return [{ path, text: `${formatIpv4Range(pool)} holds the router ${subnet.router}; leave it out` }];
    }
    return [];
  });
}
