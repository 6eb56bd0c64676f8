import type { Document, ImageAsset, SubnetDocument } from '#machines/contract/documents.ts';
import { conditionProblem } from '#machines/decide/classes.ts';
import {
  cidrContains,
  cidrsOverlap,
  formatCidr4,
  formatIpv4Range,
  rangeContains,
  rangesOverlap,
} from '#machines/values/cidr.ts';
import type { Registry } from './contract.ts';

type Wrong = { readonly path: string; readonly because: string };

/** What a document needs of others, and what its own parts need of each other. */
export function wrongReference(
  document: Document,
  registry: Pick<Registry, 'profile' | 'image' | 'network' | 'subnets' | 'machine' | 'clusterOf'>,
): Wrong | undefined {
  const profile = (name: string | undefined): Wrong | undefined =>
    name !== undefined && !registry.profile(name)
      ? { path: 'profile', because: `got ${name}, want a profile that exists` }
      : undefined;
  switch (document.kind) {
    case 'Machine': {
      const use = document.network?.use;
      if (use !== undefined && !registry.network(use))
        return { path: 'network', because: `got ${use}, want a network that exists` };
      return profile(document.profile);
    }
    case 'Class': {
      for (const [fact, condition] of Object.entries(document.match.facts)) {
        const because = conditionProblem(condition);
        if (because !== undefined) return { path: `match.facts.${fact}`, because };
      }
      return profile(document.profile);
    }
    case 'Profile': {
      const { os, image, url, script } = document;
      if (image !== undefined && !registry.image(image))
        return { path: 'image', because: `got ${image}, want an image that exists` };
      if (os === 'kernel' && image === undefined)
        return { path: 'image', because: 'got nothing, want the image that holds the kernel' };
      if (os === 'chain' && url === undefined) return { path: 'url', because: 'got nothing, want where to go' };
      if (os === 'script' && script === undefined)
        return { path: 'script', because: 'got nothing, want the lines of an iPXE script' };
      return undefined;
    }
    case 'Image': {
      for (const [index, asset] of document.assets.entries()) {
        const because = assetDisagreement(asset);
        if (because !== undefined) return { path: `assets[${index}]`, because };
      }
      return undefined;
    }
    case 'Network':
      return undefined;
    case 'Cluster': {
      for (const key of ['controlPlane', 'workers'] as const) {
        for (const [index, machine] of document[key].entries()) {
          const path = `${key}[${index}]`;
          if (!registry.machine(machine)) return { path, because: `got ${machine}, want a machine that exists` };
          const other = registry.clusterOf(machine);
          if (other && other.name !== document.name)
            return { path, because: `${machine} is of cluster ${other.name} already` };
        }
      }
      return undefined;
    }
    case 'Subnet':
      return subnetDisagreement(document, registry.subnets());
    default:
      return document satisfies never;
  }
}

function assetDisagreement({ path, url, sha256, digests, signature }: ImageAsset): string | undefined {
  if (path !== undefined && url !== undefined) return 'want either a path or a url';
  if (path === undefined && url === undefined && sha256 === undefined) {
    return 'want a path, a url, or the sha256 of a file that was uploaded';
  }
  if (url === undefined && (digests ?? signature) !== undefined) return 'digests and signature are for a url';
  for (const one of [signature, digests?.signature]) {
    if (one === undefined) continue;
    if (one.kind !== 'openpgp' && one.key === undefined) return `a ${one.kind} signature wants its key`;
    if (one.key === undefined && (one.keyUrl === undefined || one.fingerprint === undefined)) {
      return 'an openpgp signature wants a key, or keyUrl and fingerprint';
    }
  }
  return undefined;
}

/** What the parts of a subnet need of each other, and of other subnets; the configuration file's keep the same rules. */
export function subnetDisagreement(subnet: SubnetDocument, others: readonly SubnetDocument[]): Wrong | undefined {
  const { name, cidr, pools, router } = subnet;
  const other = others.find((one) => one.name !== name && cidrsOverlap(one.cidr, cidr));
  if (other) {
    return {
      path: 'cidr',
      because: `${formatCidr4(cidr)} overlaps ${formatCidr4(other.cidr)} of subnet ${other.name}`,
    };
  }
  if (router && !cidrContains(cidr, router)) {
    return { path: 'router', because: `${router} is not in ${formatCidr4(cidr)}` };
  }
  for (const [index, pool] of pools.entries()) {
    const path = `pools[${index}]`;
    if (!cidrContains(cidr, pool.first) || !cidrContains(cidr, pool.last)) {
      return { path, because: `${formatIpv4Range(pool)} is not in ${formatCidr4(cidr)}` };
    }
    const earlier = pools.slice(0, index).find((one) => rangesOverlap(one, pool));
    if (earlier) return { path, because: `${formatIpv4Range(pool)} overlaps ${formatIpv4Range(earlier)}` };
    if (router && rangeContains(pool, router)) return { path, because: `${formatIpv4Range(pool)} holds the router` };
  }
  return undefined;
}

/** Who would be left without it. */
export function usersOf(
  kind: 'Profile' | 'Image' | 'Network',
  name: string,
  registry: Pick<Registry, 'machines' | 'classes' | 'documents'>,
): readonly string[] {
  if (kind === 'Image') {
    return registry
      .documents('Profile')
      .flatMap(({ document }) =>
        document.kind === 'Profile' && document.image === name ? [`profile ${document.name}`] : [],
      );
  }
  if (kind === 'Network') {
    return registry
      .machines()
      .flatMap(({ document }) => (document.network?.use === name ? [`machine ${document.name}`] : []));
  }
  return [
    ...registry.machines().flatMap(({ document }) => (document.profile === name ? [`machine ${document.name}`] : [])),
    ...registry.classes().flatMap((one) => (one.profile === name ? [`class ${one.name}`] : [])),
  ];
}
