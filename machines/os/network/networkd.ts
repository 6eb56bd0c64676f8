import type { NetworkIntent } from '#machines/contract/network.ts';
import { type Device, devicesOf, hasAddress, type Link, primaryOf, type Rendered, rendered } from './devices.ts';

/** A file of the machine; `text` is the whole of it. */
export type NetworkFile = { readonly path: string; readonly mode: number; readonly text: string };

const FOLDER = '/etc/systemd/network';

/** Units of systemd-networkd, as Flatcar has it (systemd.network(5), systemd.netdev(5)). It expresses the whole intent. */
export function renderNetworkd(intent: NetworkIntent): Rendered<readonly NetworkFile[]> {
  const devices = devicesOf(intent);
  const primary = primaryOf(devices);
  const files = devices.flatMap((device, index): readonly NetworkFile[] => {
    // Before the distribution's own, which take whatever is left.
    const base = `${FOLDER}/${String(10 + index)}-${device.name ?? `card${index}`}`;
    const netdev = netdevOf(device);
    return [
      ...(netdev === undefined ? [] : [fileOf(`${base}.netdev`, netdev)]),
      fileOf(`${base}.network`, networkOf(device, devices, device === primary, intent)),
    ];
  });
  return rendered(files, []);
}

const fileOf = (path: string, sections: readonly Section[]): NetworkFile => ({
  path,
  mode: 0o644,
  text: `${sections.map(([title, lines]) => [`[${title}]`, ...lines].join('\n')).join('\n\n')}\n`,
});

type Section = readonly [title: string, lines: readonly string[]];

function netdevOf(device: Device): readonly Section[] | undefined {
  switch (device.kind) {
    case 'link':
      return undefined;
    case 'bond': {
      const { mode, miimonMs, lacpRate, hashPolicy, minLinks } = device.intent;
      return [
        ['NetDev', [`Name=${device.name}`, 'Kind=bond']],
        [
          'Bond',
          [
            `Mode=${mode}`,
            `MIIMonitorSec=${miimonMs}ms`,
            ...(lacpRate === undefined ? [] : [`LACPTransmitRate=${lacpRate}`]),
            ...(hashPolicy === undefined ? [] : [`TransmitHashPolicy=${hashPolicy}`]),
            ...(minLinks === undefined ? [] : [`MinLinks=${minLinks}`]),
          ],
        ],
      ];
    }
    case 'vlan':
      return [
        ['NetDev', [`Name=${device.name}`, 'Kind=vlan']],
        ['VLAN', [`Id=${device.id}`]],
      ];
    default:
      return device satisfies never;
  }
}

function networkOf(
  device: Device,
  devices: readonly Device[],
  isPrimary: boolean,
  { dns, search }: NetworkIntent,
): readonly Section[] {
  const { dhcp4, dhcp6, addresses, routes, mtu } = device;
  const bond = devices.find((one) => one.kind === 'bond' && one.members.some((member) => member === device));
  const vlans = devices.filter((one) => one.kind === 'vlan' && one.parent === device);
  const dhcp = dhcp4 && dhcp6 ? 'yes' : dhcp4 ? 'ipv4' : dhcp6 ? 'ipv6' : 'no';
  return [
    ['Match', [matchOf(device)]],
    ...(mtu === undefined ? [] : [['Link', [`MTUBytes=${mtu}`]] as const]),
    [
      'Network',
      [
        ...(bond?.kind === 'bond'
          ? [`Bond=${bond.name}`, ...(bond.primary === device ? ['PrimarySlave=true'] : [])]
          : [`DHCP=${dhcp}`]),
        ...(bond || hasAddress(device) ? [] : ['LinkLocalAddressing=no']),
        ...vlans.map(({ name }) => `VLAN=${name}`),
        ...addresses.map((address) => `Address=${address}`),
        ...(isPrimary ? dns.map((server) => `DNS=${server}`) : []),
        ...(isPrimary && search.length > 0 ? [`Domains=${search.join(' ')}`] : []),
      ],
    ],
    ...routes.map(
      ({ to, via, metric }): Section => [
        'Route',
        [
          ...(to === 'default' ? [] : [`Destination=${to}`]),
          ...(via === undefined ? ['Scope=link'] : [`Gateway=${via}`]),
          ...(metric === undefined ? [] : [`Metric=${metric}`]),
        ],
      ],
    ),
  ];
}

function matchOf(device: Device): string {
  if (device.kind === 'link' && device.mac !== undefined)
    return `PermanentMACAddress=${device.mac satisfies Link['mac']}`;
  return `Name=${device.name}`;
}
