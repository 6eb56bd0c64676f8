import type { NetworkIntent } from '#machines/contract/network.ts';
import {
  type Bond,
  type Device,
  devicesOf,
  hasAddress,
  type Link,
  type Rendered,
  rendered,
  prefixOf,
  type Refusal,
  type Vlan,
} from './devices.ts';

type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value };
export type TalosTree = { readonly [key: string]: Value };

/**
 * `machine.network` of the v1alpha1 document, for contracts up to 1.13. Talos leaves DHCP on for cards that no part of
 * the configuration names.
 */
export function renderTalosLegacy(intent: NetworkIntent): Rendered<TalosTree> {
  const refusals: Refusal[] = [];
  const devices = devicesOf(intent);
  const vlansOn = (parent: Device): TalosTree => {
    const vlans = devices.filter((one): one is Vlan => one.kind === 'vlan' && one.parent === parent);
    return vlans.length === 0 ? {} : { vlans: vlans.map((vlan) => ({ vlanId: vlan.id, ...legacyAddressing(vlan) })) };
  };
  for (const [index, { name }] of intent.vlans.entries()) {
    if (name === undefined) continue;
    refusals.push({ key: `vlans[${index}].name`, because: 'machine.network names VLANs itself (eno1.42)' });
  }
  const interfaces = devices
    .filter((one): one is Link | Bond => one.kind !== 'vlan')
    .map((device) => ({
      ...(device.kind === 'link'
        ? legacySelector(device)
        : { interface: device.name, bond: legacyBond(device, refusals) }),
      ...legacyAddressing(device),
      ...vlansOn(device),
    }));
  const { dns, search } = intent;
  return rendered(
    {
      ...(interfaces.length > 0 ? { interfaces } : {}),
      ...(dns.length > 0 ? { nameservers: dns } : {}),
      ...(search.length > 0 ? { searchDomains: search } : {}),
    },
    refusals,
  );
}

/** The card's own address, which a bond does not change. */
const legacySelector = ({ mac, name }: Link): TalosTree =>
  mac === undefined ? { interface: name ?? '' } : { deviceSelector: { permanentAddr: mac } };

function legacyBond(bond: Bond, refusals: Refusal[]): TalosTree {
  const { members, primary, intent } = bond;
  const byName = members.every(({ mac }) => mac === undefined);
  const byMac = members.every(({ mac }) => mac !== undefined);
  if (!byName && !byMac) {
    refusals.push({ key: `${bond.key}.interfaces`, because: 'machine.network wants all by name or all by MAC' });
  }
  if (primary && primary.name === undefined) {
    refusals.push({ key: `${bond.key}.primary`, because: 'machine.network wants it by its name' });
  }
  return {
    ...(byName
      ? { interfaces: members.map(({ name }) => name ?? '') }
      : { deviceSelectors: members.map(({ mac }) => ({ permanentAddr: mac ?? '' })) }),
    mode: intent.mode,
    miimon: intent.miimonMs,
    ...(primary?.name === undefined ? {} : { primary: primary.name }),
    ...bondOptions(bond),
  };
}

const bondOptions = ({ intent: { lacpRate, hashPolicy, minLinks } }: Bond): TalosTree => ({
  ...(lacpRate === undefined ? {} : { lacpRate }),
  ...(hashPolicy === undefined ? {} : { xmitHashPolicy: hashPolicy }),
  ...(minLinks === undefined ? {} : { minLinks }),
});

function legacyAddressing({ dhcp4, dhcp6, addresses, routes, mtu }: Device): TalosTree {
  return {
    dhcp: dhcp4 || dhcp6,
    ...(dhcp6 || (dhcp4 && addresses.length > 0) ? { dhcpOptions: { ipv4: dhcp4, ipv6: dhcp6 } } : {}),
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(routes.length > 0
      ? {
          routes: routes.map((route) => ({
            network: prefixOf(route),
            ...(route.via === undefined ? {} : { gateway: route.via }),
            ...(route.metric === undefined ? {} : { metric: route.metric }),
          })),
        }
      : {}),
    ...(mtu === undefined ? {} : { mtu }),
  };
}

/**
 * Documents of their own, for contracts from 1.14 (the kinds exist since 1.12). Cards that are known by their MAC get
 * an alias, `net0` and so on, which Talos takes wherever a name may stand.
 */
export function renderTalosDocuments(intent: NetworkIntent): Rendered<readonly TalosTree[]> {
  const devices = devicesOf(intent);
  const links = devices.filter((one) => one.kind === 'link');
  const nameOf = (device: Device): string =>
    device.kind === 'link' && device.mac !== undefined ? `net${links.indexOf(device)}` : (device.name ?? '');
  const refusals: Refusal[] = [];
  for (const device of devices) {
    const clash = links.find((link) => link.mac !== undefined && link !== device && nameOf(link) === nameOf(device));
    if (clash) refusals.push({ key: `${device.key}.name`, because: `${nameOf(device)} is the alias of ${clash.key}` });
  }
  const documents = devices.flatMap((device): readonly TalosTree[] => {
    const name = nameOf(device);
    const common = documentAddressing(device);
    const dhcp: readonly TalosTree[] = [
      ...(device.dhcp4 ? [documentOf('DHCPv4Config', { name })] : []),
      ...(device.dhcp6 ? [documentOf('DHCPv6Config', { name })] : []),
    ];
    switch (device.kind) {
      case 'link':
        return [
          ...(device.mac === undefined
            ? []
            : [
                documentOf('LinkAliasConfig', {
                  name,
                  selector: { match: `mac(link.permanent_addr) == "${device.mac}"` },
                }),
              ]),
          ...(device.bond === undefined || device.mtu !== undefined
            ? [documentOf('LinkConfig', { name, ...common })]
            : []),
          ...dhcp,
        ];
      case 'bond': {
        const { members, primary, intent: bond } = device;
        return [
          documentOf('BondConfig', {
            name,
            links: members.map(nameOf),
            bondMode: bond.mode,
            miimon: bond.miimonMs,
            ...(primary === undefined ? {} : { primary: nameOf(primary) }),
            ...bondOptions(device),
            ...common,
          }),
          ...dhcp,
        ];
      }
      case 'vlan':
        return [
          documentOf('VLANConfig', { name, vlanID: device.id, parent: nameOf(device.parent), ...common }),
          ...dhcp,
        ];
      default:
        return device satisfies never;
    }
  });
  const { dns, search } = intent;
  const resolver =
    dns.length + search.length === 0
      ? []
      : [
          documentOf('ResolverConfig', {
            ...(dns.length > 0 ? { nameservers: dns.map((address) => ({ address })) } : {}),
            ...(search.length > 0 ? { searchDomains: { domains: search } } : {}),
          }),
        ];
  return rendered([...documents, ...resolver], refusals);
}

const documentOf = (kind: string, rest: TalosTree): TalosTree => ({ apiVersion: 'v1alpha1', kind, ...rest });

function documentAddressing(device: Device): TalosTree {
  const { addresses, routes, mtu } = device;
  return {
    ...(hasAddress(device) || device.kind !== 'link' ? { up: true } : {}),
    ...(mtu === undefined ? {} : { mtu }),
    ...(addresses.length > 0 ? { addresses: addresses.map((address) => ({ address })) } : {}),
    ...(routes.length > 0
      ? {
          routes: routes.map((route) => ({
            // Without one it is the default route of the gateway's family.
            ...(route.to === 'default' ? {} : { destination: route.to }),
            ...(route.via === undefined ? {} : { gateway: route.via }),
            ...(route.metric === undefined ? {} : { metric: route.metric }),
          })),
        }
      : {}),
  };
}
