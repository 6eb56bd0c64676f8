import type { NetworkIntent } from '#machines/contract/network.ts';
import { type Device, devicesOf, hasAddress, type Link, primaryOf, type Rendered, rendered } from './devices.ts';

/** JSON that is written as YAML. */
type Tree = { readonly [key: string]: Tree | readonly Tree[] | string | number | boolean | readonly string[] };

/**
 * NoCloud `network-config` version 2, which is netplan's format (cloud-init, "Networking config version 2"; autoinstall
 * takes it as `network`). It expresses the whole intent.
 *
 * Names stand for cards only where no MAC is given: cloud-init would rename a card that has both (`set-name`), and a
 * name that the kernel has given to another card by then cannot be taken.
 */
export function renderNetplan(intent: NetworkIntent): Rendered<Tree> {
  const devices = devicesOf(intent);
  const primary = primaryOf(devices);
  const ids = new Map(devices.map((device, index) => [device, idOf(device, index)]));
  const of = (kind: Device['kind']): Tree =>
    Object.fromEntries(
      devices
        .filter((device) => device.kind === kind)
        .map((device) => [ids.get(device) ?? '', deviceTree(device, device === primary, ids, intent)]),
    );
  const groups = { ethernets: of('link'), bonds: of('bond'), vlans: of('vlan') };
  const present = Object.entries(groups).filter(([, group]) => Object.keys(group).length > 0);
  return rendered({ version: 2, ...Object.fromEntries(present) }, []);
}

/** Of a card that is matched by its MAC the id is only a label; it must not be the name of another. */
function idOf(device: Device, index: number): string {
  if (device.kind !== 'link') return device.name;
  return device.name ?? `card${index}`;
}

function deviceTree(
  device: Device,
  isPrimary: boolean,
  ids: ReadonlyMap<Device, string>,
  { dns, search }: NetworkIntent,
): Tree {
  const nameservers = {
    ...(dns.length > 0 ? { addresses: dns } : {}),
    ...(search.length > 0 ? { search } : {}),
  };
  return {
    ...(device.kind === 'link' && device.mac !== undefined ? { match: { macaddress: device.mac } } : {}),
    ...kindTree(device, ids),
    ...(hasAddress(device) ? { dhcp4: device.dhcp4, dhcp6: device.dhcp6 } : {}),
    ...(device.addresses.length > 0 ? { addresses: device.addresses } : {}),
    ...(device.routes.length > 0
      ? {
          routes: device.routes.map(({ to, via, metric }) => ({
            // `default` is young (netplan 0.104); the prefix is understood by all.
            to: to === 'default' ? (via?.includes(':') ? '::/0' : '0.0.0.0/0') : to,
            ...(via === undefined ? { scope: 'link' } : { via }),
            ...(metric === undefined ? {} : { metric }),
          })),
        }
      : {}),
    ...(device.mtu === undefined ? {} : { mtu: device.mtu }),
    ...(isPrimary && Object.keys(nameservers).length > 0 ? { nameservers } : {}),
  };
}

function kindTree(device: Device, ids: ReadonlyMap<Device, string>): Tree {
  const id = (one: Device): string => ids.get(one) ?? '';
  switch (device.kind) {
    case 'link':
      return {};
    case 'bond': {
      const { mode, miimonMs, lacpRate, hashPolicy, minLinks } = device.intent;
      return {
        interfaces: device.members.map(id),
        parameters: {
          mode,
          'mii-monitor-interval': miimonMs,
          ...(device.primary === undefined ? {} : { primary: id(device.primary satisfies Link) }),
          ...(lacpRate === undefined ? {} : { 'lacp-rate': lacpRate }),
          ...(hashPolicy === undefined ? {} : { 'transmit-hash-policy': hashPolicy }),
          ...(minLinks === undefined ? {} : { 'min-links': minLinks }),
        },
      };
    }
    case 'vlan':
      return { id: device.id, link: id(device.parent) };
    default:
      return device satisfies never;
  }
}
