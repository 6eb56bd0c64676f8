/** EC2’s metadata as far as cloud-init and its like read it: a directory lists its entries, one a line. */
export type Ec2Tree = { readonly [name: string]: string | Ec2Tree };

export function ec2Tree(machine: {
  readonly instanceId: string;
  readonly hostname: string;
  readonly address: string;
  readonly mac: string | undefined;
  readonly publicKeys: readonly string[];
  readonly userData: string;
}): Ec2Tree {
  const { instanceId, hostname, address, mac, publicKeys, userData } = machine;
  const keys = Object.fromEntries(publicKeys.map((key, index) => [String(index), { 'openssh-key': key }]));
  return {
    'meta-data': {
      'ami-id': 'none',
      hostname,
      'instance-id': instanceId,
      'local-hostname': hostname,
      'local-ipv4': address,
      ...(mac === undefined ? {} : { mac }),
      ...(publicKeys.length > 0 ? { 'public-keys': keys } : {}),
    },
    'user-data': userData,
  };
}

/**
 * What stands at a path below a version, such as `meta-data/instance-id`. A path with or without a slash at its end is
 * the same directory.
 */
export function ec2At(tree: Ec2Tree, path: readonly string[]): string | undefined {
  let found: string | Ec2Tree | undefined = tree;
  for (const part of path.filter((one) => one !== '')) {
    found = typeof found === 'object' && Object.hasOwn(found, part) ? found[part] : undefined;
    if (found === undefined) return undefined;
  }
  return typeof found === 'string' ? found : listed(found);
}

/** Keys are listed as `0=name`, which is how their directories are named (EC2, "Instance metadata categories"). */
const listed = (tree: Ec2Tree): string =>
  Object.entries(tree)
    .map(([name, value]) => {
      if (typeof value === 'string') return name;
      return 'openssh-key' in value ? `${name}=key-${name}` : `${name}/`;
    })
    .join('\n');
