import type { NetworkIntent } from '#machines/contract/network.ts';
import { addressOf, bitsOf, netmaskOf4 } from '#machines/values/ip-prefix.ts';
import {
  devicesOf,
  hasAddress,
  gatewaysOnly,
  type Link,
  ofFamily,
  type Refusal,
  type Rendered,
  rendered,
} from './devices.ts';

/** Answers to `setup-alpine`: lines of `/etc/network/interfaces`, and words of `setup-dns`. */
export type AlpineNetwork = { readonly interfaces: readonly string[]; readonly dns: string };

/**
 * Alpine's `interfaces(5)` knows cards by name only: where a MAC address is given, the name is asked of a shell function
 * `card` when it is written. Cards with DHCP and one address of each family; bonds and VLANs are the operator's to set up.
 */
export function renderAlpine(intent: NetworkIntent): Rendered<AlpineNetwork> {
  const refusals: Refusal[] = [];
  const interfaces = ['auto lo', 'iface lo inet loopback'];
  for (const device of devicesOf(intent)) {
    if (device.kind !== 'link') {
      refusals.push({ key: device.key, because: `the answers of setup-alpine know cards, and no ${device.kind}` });
    } else if (hasAddress(device)) {
      interfaces.push(...linkLines(device, refusals));
    }
  }
  const { dns, search } = intent;
  if (search.length > 1) refusals.push({ key: 'search[1]', because: 'setup-alpine takes one domain' });
  const words = [...(search[0] === undefined ? [] : ['-d', search[0]]), ...dns];
  return rendered({ interfaces, dns: words.join(' ') }, refusals);
}

function linkLines(device: Link, refusals: Refusal[]): readonly string[] {
  const { key, mac, name = '', dhcp4, dhcp6, addresses, routes, mtu } = device;
  const card = mac === undefined ? name : `$(card ${mac})`;
  if (mtu !== undefined) refusals.push({ key: `${key}.mtu`, because: 'setup-alpine has none' });
  const gateways = gatewaysOnly(routes, 'setup-alpine', refusals);
  const lines = [`auto ${card}`];
  for (const family of [4, 6] as const) {
    const [address, ...others] = ofFamily(addresses, family);
    const byDhcp = family === 4 ? dhcp4 : dhcp6;
    const via = gateways[family];
    const word = family === 4 ? 'inet' : 'inet6';
    if (others.length + Number(byDhcp && address !== undefined) > 0) {
      refusals.push({ key: `${key}.address`, because: `setup-alpine takes one IPv${family} address, or DHCP` });
    }
    if (byDhcp) lines.push(`iface ${card} ${word} dhcp`);
    else if (address !== undefined) {
      lines.push(
        `iface ${card} ${word} static`,
        `  address ${addressOf(address)}`,
        `  netmask ${family === 4 ? netmaskOf4(bitsOf(address)) : bitsOf(address)}`,
        ...(via === undefined ? [] : [`  gateway ${via}`]),
      );
    }
  }
  return lines;
}
