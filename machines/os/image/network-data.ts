import type { NetworkIntent } from '#machines/contract/network.ts';
import { addressOf, bitsOf, netmaskOf4 } from '#machines/values/ip-prefix.ts';
import {
  type Device,
  devicesOf,
  isRoute6,
  ofFamily,
  prefixOf,
  type Refusal,
  type Rendered,
  rendered,
} from '../network/devices.ts';

/**
 * OpenStack's network_data.json (nova, api-ref "Metadata service", schema network_data.json): links, networks on them,
 * and name servers. A card is known by its MAC address there, and by nothing else.
 */
export function renderNetworkData(intent: NetworkIntent): Rendered<object> {
  const devices = devicesOf(intent);
  const refusals: Refusal[] = [];
  const ids = new Map(devices.map((device, index) => [device, device.kind === 'link' ? `card${index}` : device.name]));
  const idOf = (device: Device): string => ids.get(device) ?? '';
  const links = devices.map((device) => {
    const base = { id: idOf(device), ...(device.mtu === undefined ? {} : { mtu: device.mtu }) };
    if (device.kind === 'link') {
      if (device.mac === undefined)
        refusals.push({ key: device.key, because: 'a config drive knows cards by MAC only' });
      return { ...base, type: 'phy', ethernet_mac_address: device.mac };
    }
    if (device.kind === 'vlan') {
      const { id, parent } = device;
      return { ...base, type: 'vlan', vlan_id: id, vlan_link: idOf(parent), vlan_mac_address: macOf(parent) };
    }
    const { mode, miimonMs, hashPolicy } = device.intent;
    return {
      ...base,
      type: 'bond',
      ethernet_mac_address: macOf(device),
      bond_links: device.members.map(idOf),
      bond_mode: mode,
      bond_miimon: miimonMs,
      ...(hashPolicy === undefined ? {} : { bond_xmit_hash_policy: hashPolicy }),
    };
  });
  const networks = devices.flatMap((device) => {
    const link = idOf(device);
    const dhcp = [...(device.dhcp4 ? [{ type: 'ipv4_dhcp' }] : []), ...(device.dhcp6 ? [{ type: 'ipv6_dhcp' }] : [])];
    const fixed = ([4, 6] as const).flatMap((family) =>
      ofFamily(device.addresses, family).map((address, index) => ({
        type: `ipv${family}`,
        ip_address: addressOf(address),
        netmask: family === 4 ? netmaskOf4(bitsOf(address)) : `${bitsOf(address)}`,
        // Of the first one of a family: they belong to the link, and stand there once.
        routes: index > 0 ? [] : device.routes.filter((one) => isRoute6(one) === (family === 6)).map(routeOf),
      })),
    );
    for (const { key } of fixed.length === 0 ? device.routes : []) {
      refusals.push({ key, because: 'a config drive has routes beside static addresses only' });
    }
    return [...dhcp, ...fixed].map((one, index) => ({
      id: `${link}-${index}`,
      network_id: `${link}-${index}`,
      link,
      ...one,
    }));
  });
  const services = intent.dns.map((address) => ({ type: 'dns', address }));
  if (intent.search.length > 0) refusals.push({ key: 'search', because: 'a config drive has no search domains' });
  return rendered({ links, networks, services }, refusals);
}

function routeOf(route: Device['routes'][number]): object {
  const [network = '', length = '0'] = prefixOf(route).split('/');
  const mask = network.includes(':') ? length : netmaskOf4(Number(length));
  return { network, netmask: mask, ...(route.via === undefined ? {} : { gateway: route.via }) };
}

const macOf = (device: Device): string | undefined =>
  device.kind === 'link' ? device.mac : device.kind === 'bond' ? device.members[0]?.mac : macOf(device.parent);
