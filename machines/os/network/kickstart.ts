import type { NetworkIntent } from '#machines/contract/network.ts';
import type { Ipv6 } from '#machines/values/ip-address.ts';
import { addressOf, bitsOf, netmaskOf4 } from '#machines/values/ip-prefix.ts';
import {
  bondOptions,
  type Device,
  devicesOf,
  gatewaysOnly,
  ofFamily,
  primaryOf,
  type Refusal,
  type Rendered,
  rendered,
} from './devices.ts';

/**
 * `network` lines of a kickstart file (pykickstart, "network"). One address and one gateway of each family at most, and
 * no other routes. `--ipv4-dns-search` is known since RHEL 9 and Fedora 39.
 */
export function renderKickstart(intent: NetworkIntent, hostname: string): Rendered<readonly string[]> {
  const devices = devicesOf(intent);
  const primary = primaryOf(devices);
  const refusals: Refusal[] = [];
  const lines = devices.flatMap((device): readonly string[] => {
    // A bond's line brings its members up.
    if (device.kind === 'link' && device.bond !== undefined) {
      if (device.mtu !== undefined)
        refusals.push({ key: `${device.key}.mtu`, because: 'kickstart sets it on the bond' });
      return [];
    }
    const words = [
      'network',
      ...deviceWords(device, refusals),
      ...addressWords(device, refusals),
      ...(device.mtu === undefined ? [] : [`--mtu=${device.mtu}`]),
      ...(device === primary ? dnsWords(intent) : []),
      '--onboot=yes',
      '--activate',
    ];
    return [words.join(' ')];
  });
  return rendered([...lines, `network --hostname=${hostname}`], refusals);
}

function deviceWords(device: Device, refusals: Refusal[]): readonly string[] {
  switch (device.kind) {
    case 'link':
      return [`--device=${device.mac ?? device.name}`];
    case 'bond': {
      const unnamed = device.members.find(({ name }) => name === undefined);
      if (unnamed) {
        refusals.push({ key: `${unnamed.key}.name`, because: 'kickstart wants the cards of a bond by their names' });
      }
      return [
        `--device=${device.name}`,
        `--bondslaves=${device.members.map(({ name }) => name ?? '').join(',')}`,
        `--bondopts=${bondOptions(device).join(',')}`,
      ];
    }
    case 'vlan': {
      const parent = device.parent.name;
      if (parent === undefined) {
        refusals.push({ key: `${device.key}.interface`, because: 'kickstart wants the card under a VLAN by its name' });
      }
      return [`--device=${parent ?? ''}`, `--vlanid=${device.id}`, `--interfacename=${device.name}`];
    }
    default:
      return device satisfies never;
  }
}

function addressWords(device: Device, refusals: Refusal[]): readonly string[] {
  const { key, dhcp4, dhcp6, addresses, routes } = device;
  const [four, six] = [ofFamily(addresses, 4), ofFamily(addresses, 6)];
  if (four.length + Number(dhcp4) > 1) {
    refusals.push({ key: `${key}.address`, because: 'kickstart takes one IPv4 address, or DHCP' });
  }
  if (six.length + Number(dhcp6) > 1) {
    refusals.push({ key: `${key}.address`, because: 'kickstart takes one IPv6 address, or DHCPv6' });
  }
  const gateways = gatewaysOnly(routes, 'kickstart', refusals);
  const [first4] = four;
  const [first6] = six;
  return [
    ...(dhcp4 ? ['--bootproto=dhcp'] : []),
    ...(first4 === undefined
      ? []
      : [`--bootproto=static`, `--ip=${addressOf(first4)}`, `--netmask=${netmaskOf4(bitsOf(first4))}`]),
    ...(!dhcp4 && first4 === undefined ? ['--noipv4'] : []),
    ...(gateways[4] === undefined ? [] : [`--gateway=${gateways[4]}`]),
    ...(dhcp6 ? ['--ipv6=dhcp'] : []),
    ...(first6 === undefined ? [] : [`--ipv6=${addressOf(first6) as Ipv6}/${bitsOf(first6)}`]),
    ...(!dhcp6 && first6 === undefined ? ['--noipv6'] : []),
    ...(gateways[6] === undefined ? [] : [`--ipv6gateway=${gateways[6]}`]),
  ];
}

const dnsWords = ({ dns, search }: NetworkIntent): readonly string[] => [
  ...(dns.length > 0 ? [`--nameserver=${dns.join(',')}`] : []),
  ...(search.length > 0 ? [`--ipv4-dns-search=${search.join(',')}`] : []),
];
