import {
  isMac,
  isStatic,
  type NetworkBond,
  type NetworkIntent,
  type NetworkLink,
  type NetworkReference,
  type NetworkVlan,
  vlanName,
} from '#machines/contract/network.ts';
import { type IpAddress, isIpv6 } from '#machines/values/ip-address.ts';
import { addressOf, type InterfaceAddress, type IpPrefix } from '#machines/values/ip-prefix.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';

/** What one target cannot express, by the key of the intent: it is refused, never left out. */
export type Refusal = { readonly key: string; readonly because: string };

export type Rendered<T> =
  | { readonly kind: 'rendered'; readonly value: T }
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[] };

export type Route = {
  readonly key: string;
  readonly to: 'default' | IpPrefix;
  readonly via: IpAddress | undefined;
  readonly metric: number | undefined;
};

type Addressing = {
  /** Where it stands in the intent: `interfaces[0]`. */
  readonly key: string;
  readonly dhcp4: boolean;
  readonly dhcp6: boolean;
  readonly addresses: readonly InterfaceAddress[];
  /** The gateway is the first of them. */
  readonly routes: readonly Route[];
  readonly mtu: number | undefined;
};

export type Link = Addressing & {
  readonly kind: 'link';
  readonly mac: MacAddress | undefined;
  readonly name: string | undefined;
  /** The bond that it belongs to. */
  readonly bond: string | undefined;
};
export type Bond = Addressing & {
  readonly kind: 'bond';
  readonly name: string;
  readonly intent: NetworkBond;
  readonly members: readonly Link[];
  readonly primary: Link | undefined;
};
export type Vlan = Addressing & {
  readonly kind: 'vlan';
  readonly name: string;
  readonly id: number;
  readonly parent: Link | Bond;
};
export type Device = Link | Bond | Vlan;

/** The intent as its devices, each after those that it stands on. It must have been validated. */
export function devicesOf(intent: NetworkIntent): readonly Device[] {
  const links: readonly Link[] = intent.interfaces.map((one, index) => ({
    kind: 'link',
    ...addressing(one, `interfaces[${index}]`),
    mac: one.mac,
    name: one.name,
    bond: intent.bonds.find(({ interfaces }) => interfaces.some((member) => isLink(one, member)))?.name,
  }));
  const linkOf = (reference: NetworkReference): Link =>
    sure(
      links.find((link) => isLink(link, reference)),
      reference,
    );
  const bonds: readonly Bond[] = intent.bonds.map((one, index) => ({
    kind: 'bond',
    ...addressing(one, `bonds[${index}]`),
    name: one.name,
    intent: one,
    members: one.interfaces.map(linkOf),
    primary: one.primary === undefined ? undefined : linkOf(one.primary),
  }));
  const vlans: readonly Vlan[] = intent.vlans.map((one, index) => ({
    kind: 'vlan',
    ...addressing(one, `vlans[${index}]`),
    name: vlanName(one),
    id: one.id,
    parent: bonds.find(({ name }) => name === one.interface) ?? linkOf(one.interface),
  }));
  return [...links, ...bonds, ...vlans];
}

function isLink({ name, mac }: Pick<NetworkLink, 'name' | 'mac'>, reference: NetworkReference): boolean {
  return isMac(reference) ? mac === reference : name === reference;
}

function addressing(one: NetworkLink | NetworkBond | NetworkVlan, key: string): Addressing {
  const { address, gateway, routes, mtu } = one;
  return {
    key,
    dhcp4: address.includes('dhcp'),
    dhcp6: address.includes('dhcp6'),
    addresses: address.filter(isStatic),
    routes: [
      ...(gateway === undefined
        ? []
        : [{ key: `${key}.gateway`, to: 'default', via: gateway, metric: undefined } as const]),
      ...routes.map(({ to, via, metric }, index) => ({ key: `${key}.routes[${index}]`, to, via, metric })),
    ],
    mtu,
  };
}

export const hasAddress = (device: Device): boolean => device.dhcp4 || device.dhcp6 || device.addresses.length > 0;

/** The one that the machine is reached by: it has the default route, or else it is the first with an address. */
export function primaryOf(devices: readonly Device[]): Device | undefined {
  const addressed = devices.filter(hasAddress);
  return addressed.find(({ routes }) => routes.some(({ to }) => to === 'default')) ?? addressed[0];
}

/** `0.0.0.0/0` for what has no word for it. */
export const prefixOf = ({ to, via }: Route): string =>
  to !== 'default' ? to : via !== undefined && isIpv6(via) ? '::/0' : '0.0.0.0/0';

export const isRoute6 = ({ to, via }: Route): boolean => isIpv6(via ?? addressOf(to as IpPrefix));

export const ofFamily = (addresses: readonly InterfaceAddress[], family: 4 | 6): readonly InterfaceAddress[] =>
  addresses.filter((one) => isIpv6(addressOf(one)) === (family === 6));

/** Options of the kernel’s bonding driver, as `key=value` (Documentation/networking/bonding). */
export function bondOptions({ intent, primary }: Bond): readonly string[] {
  const { mode, miimonMs, lacpRate, hashPolicy, minLinks } = intent;
  return [
    `mode=${mode}`,
    `miimon=${miimonMs}`,
    ...(primary?.name === undefined ? [] : [`primary=${primary.name}`]),
    ...(lacpRate === undefined ? [] : [`lacp_rate=${lacpRate}`]),
    ...(hashPolicy === undefined ? [] : [`xmit_hash_policy=${hashPolicy}`]),
    ...(minLinks === undefined ? [] : [`min_links=${minLinks}`]),
  ];
}

/** For targets whose only routes are gateways without a metric: the others are refused. Gives the one of each family. */
export function gatewaysOnly(
  routes: readonly Route[],
  target: string,
  refusals: Refusal[],
): { readonly 4: IpAddress | undefined; readonly 6: IpAddress | undefined } {
  for (const { key, to, metric } of routes) {
    if (to !== 'default') refusals.push({ key, because: `${target} has no routes but a gateway` });
    if (metric !== undefined) refusals.push({ key: `${key}.metric`, because: `${target} has none` });
  }
  const of = (isSix: boolean) => routes.find((route) => route.to === 'default' && isRoute6(route) === isSix)?.via;
  return { 4: of(false), 6: of(true) };
}

export const rendered = <T>(value: T, refusals: readonly Refusal[]): Rendered<T> =>
  refusals.length > 0 ? { kind: 'refused', refusals } : { kind: 'rendered', value };

function sure<T>(one: T | undefined, what: string): T {
  if (one === undefined) throw new Error(`nothing here is called ${what}: the intent was not validated`);
  return one;
}
