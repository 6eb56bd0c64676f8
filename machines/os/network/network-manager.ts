import type { NetworkIntent } from '#machines/contract/network.ts';
import {
  bondOptions,
  type Device,
  devicesOf,
  isRoute6,
  ofFamily,
  primaryOf,
  type Refusal,
  type Rendered,
  rendered,
} from './devices.ts';
import type { NetworkFile } from './networkd.ts';

const FOLDER = '/etc/NetworkManager/system-connections';

/**
 * Keyfiles of NetworkManager, as Fedora CoreOS and RHEL have it (nm-settings-keyfile(5)). It ignores a file that others
 * may read.
 */
export function renderNetworkManager(intent: NetworkIntent): Rendered<readonly NetworkFile[]> {
  const devices = devicesOf(intent);
  const primary = primaryOf(devices);
  const refusals: Refusal[] = [];
  const idOf = (device: Device): string => device.name ?? `card${devices.indexOf(device)}`;
  const files = devices.map((device): NetworkFile => {
    const id = idOf(device);
    const bond = devices.find((one) => one.kind === 'bond' && one.members.some((member) => member === device));
    const connection = [
      `id=${id}`,
      `type=${device.kind === 'link' ? 'ethernet' : device.kind}`,
      ...(device.name === undefined || (device.kind === 'link' && device.mac !== undefined)
        ? []
        : [`interface-name=${device.name}`]),
      ...(bond === undefined ? [] : [`master=${bond.name}`, 'slave-type=bond']),
    ];
    const text = [
      section('connection', connection),
      ...kindSections(device, refusals),
      ...(bond === undefined
        ? [ipSection(device, 4, device === primary, intent), ipSection(device, 6, device === primary, intent)]
        : []),
    ].join('\n');
    return { path: `${FOLDER}/${id}.nmconnection`, mode: 0o600, text };
  });
  return rendered(files, refusals);
}

const section = (title: string, lines: readonly string[]): string =>
  `[${title}]\n${lines.map((one) => `${one}\n`).join('')}`;

function kindSections(device: Device, refusals: Refusal[]): readonly string[] {
  const ethernet = [
    ...(device.kind === 'link' && device.mac !== undefined ? [`mac-address=${device.mac.toUpperCase()}`] : []),
    ...(device.mtu === undefined ? [] : [`mtu=${device.mtu}`]),
  ];
  const wired = ethernet.length > 0 ? [section('ethernet', ethernet)] : [];
  switch (device.kind) {
    case 'link':
      return wired;
    case 'bond': {
      if (device.primary && device.primary.name === undefined) {
        refusals.push({ key: `${device.key}.primary`, because: 'NetworkManager wants it by its name' });
      }
      return [...wired, section('bond', bondOptions(device))];
    }
    case 'vlan': {
      const { parent } = device;
      // Without a name it goes by the connection or by the card's address.
      if (parent.name === undefined) {
        refusals.push({
          key: `${device.key}.interface`,
          because: 'NetworkManager wants what is under a VLAN by its name',
        });
      }
      return [...wired, section('vlan', [`id=${device.id}`, `parent=${parent.name ?? ''}`])];
    }
    default:
      return device satisfies never;
  }
}

function ipSection(device: Device, family: 4 | 6, isPrimary: boolean, { dns, search }: NetworkIntent): string {
  const isDynamic = family === 4 ? device.dhcp4 : device.dhcp6;
  const addresses = ofFamily(device.addresses, family);
  const routes = device.routes.filter((route) => isRoute6(route) === (family === 6));
  const servers = dns.filter((server) => server.includes(':') === (family === 6));
  const isUsed = isDynamic || addresses.length > 0;
  return section(`ipv${family}`, [
    `method=${isDynamic ? (family === 4 ? 'auto' : 'dhcp') : addresses.length > 0 ? 'manual' : 'disabled'}`,
    ...addresses.map((address, index) => `address${index + 1}=${address}`),
    ...routes.map(({ to, via, metric }, index) => {
      const prefix = to === 'default' ? (family === 6 ? '::/0' : '0.0.0.0/0') : to;
      const hop = via ?? (family === 6 ? '::' : '0.0.0.0');
      return `route${index + 1}=${prefix},${hop}${metric === undefined ? '' : `,${metric}`}`;
    }),
    ...(isPrimary && isUsed && servers.length > 0 ? [`dns=${servers.map((server) => `${server};`).join('')}`] : []),
    ...(isPrimary && isUsed && search.length > 0 ? [`dns-search=${search.map((one) => `${one};`).join('')}`] : []),
  ]);
}
