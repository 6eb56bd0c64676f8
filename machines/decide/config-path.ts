import { NOCLOUD_FILES, type NocloudFile } from '../os/config/nocloud.ts';

/** What a machine can read of its configuration, each below its boot’s URL: `/m/TOKEN/KIND`. */
export const CONFIG_KINDS = [
  'nocloud',
  'ec2',
  'ignition',
  'preseed',
  'kickstart',
  'autoinstall',
  'apkovl',
  'talos',
  'bottlerocket',
] as const;
/** Names of files where who reads them goes by their ending: Alpine’s initramfs. */
export const CONFIG_FILES = { apkovl: 'apkovl.tar.gz' } as const satisfies Partial<Record<ConfigKind, string>>;
export type ConfigKind = (typeof CONFIG_KINDS)[number];

/** The first part of every such path. */
export const CONFIG_ROOT = 'm';

export type ConfigItem =
  | { readonly kind: 'nocloud'; readonly file: NocloudFile }
  /** `path` below a version, such as `meta-data/instance-id`; `undefined` is the list of versions. */
  | { readonly kind: 'ec2'; readonly path: readonly string[] | undefined }
  /** IMDSv2: a token of its own, which EC2’s clients put into a header. */
  | { readonly kind: 'ec2-token' }
  | { readonly kind: Exclude<ConfigKind, 'nocloud' | 'ec2'> };

export type ConfigRequest = { readonly token: string; readonly item: ConfigItem; readonly path: string };

const MAX_TARGET = 1024;
/** Versions of the EC2 metadata API that clients ask for: cloud-init since 2009-04-04, others `latest`. */
const EC2_VERSION = /^(latest|\d{4}-\d{2}-\d{2}|1\.0)$/;

/**
 * Which item of which boot a request target names: `/m/TOKEN/nocloud/user-data`, or with the token in the query,
 * `/m/talos?token=TOKEN`. Anything else is nothing; what is not known and what is not allowed look alike to whoever asks.
 */
export function resolveConfigPath(method: string, target: string): ConfigRequest | undefined {
  if (target.length > MAX_TARGET) return undefined;
  const [written = '', query = ''] = target.split('?', 2);
  const [root, ...rest] = written.split('/').filter((part) => part !== '');
  if (root !== CONFIG_ROOT) return undefined;
  const inQuery = /(?:^|&)token=([^&]*)/.exec(query)?.[1];
  const [token = '', parts] = inQuery === undefined ? [rest[0], rest.slice(1)] : [inQuery, rest];
  const item = itemOf(method, parts);
  return item && { token, item, path: parts.join('/') };
}

function itemOf(method: string, [first, ...rest]: readonly string[]): ConfigItem | undefined {
  if (first === 'ec2') return ec2Item(method, rest);
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  if (first === 'nocloud') {
    const file = NOCLOUD_FILES.find((one) => rest.length === 1 && rest[0] === one);
    return file && { kind: 'nocloud', file };
  }
  if (first === CONFIG_FILES.apkovl && rest.length === 0) return { kind: 'apkovl' };
  const kind = CONFIG_KINDS.find((one) => rest.length === 0 && one === first && !(one in CONFIG_FILES));
  return kind === undefined || kind === 'ec2' || kind === 'nocloud' ? undefined : { kind };
}

function ec2Item(method: string, [version, ...path]: readonly string[]): ConfigItem | undefined {
  const isToken = version === 'latest' && path.join('/') === 'api/token';
  if (method === 'PUT') return isToken ? { kind: 'ec2-token' } : undefined;
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  if (version === undefined) return { kind: 'ec2', path: undefined };
  return EC2_VERSION.test(version) ? { kind: 'ec2', path } : undefined;
}
