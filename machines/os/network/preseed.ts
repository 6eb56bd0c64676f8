import type { NetworkIntent } from '#machines/contract/network.ts';
import { addressOf, bitsOf, netmaskOf4 } from '#machines/values/ip-prefix.ts';
import {
  type Device,
  devicesOf,
  hasAddress,
  isRoute6,
  ofFamily,
  type Refusal,
  type Rendered,
  rendered,
} from './devices.ts';

/** Answers to netcfg, Debian's installer for networks: one card, by DHCP or with one address. */
export type Netcfg = {
  /** Of the preseed file: `d-i netcfg/… type value`. */
  readonly lines: readonly string[];
  /** Of the kernel: netcfg runs before a file that comes over the network can be read (installation guide, B.4.2). */
  readonly kernelArguments: readonly string[];
};

export function renderPreseed(intent: NetworkIntent, hostname: string): Rendered<Netcfg> {
  const refusals: Refusal[] = [];
  const devices = devicesOf(intent);
  for (const { kind, key } of devices) {
    if (kind !== 'link') refusals.push({ key, because: `netcfg sets up one card, and no ${kind}` });
  }
  const [device, ...more] = devices.filter((one) => one.kind === 'link' && hasAddress(one));
  for (const { key } of more) refusals.push({ key, because: 'netcfg sets up one card' });
  const answers: (readonly [question: string, type: string, value: string])[] = [
    ['choose_interface', 'select', cardOf(device)],
    ['get_hostname', 'string', hostname],
    ['get_domain', 'string', intent.search[0] ?? ''],
  ];
  if (intent.search.length > 1) refusals.push({ key: 'search[1]', because: 'netcfg takes one domain' });
  if (device) answers.push(...addressAnswers(device, intent, refusals));
  return rendered(
    {
      lines: answers.map(([question, type, value]) => `d-i netcfg/${question} ${type} ${value}`.trimEnd()),
      kernelArguments: [
        ...answers.filter(([, , value]) => value !== '').map(([question, , value]) => argumentOf(question, value)),
        // The card that iPXE booted by, where it has no name: netcfg looks for it when it is told `auto`.
        ...(device?.kind === 'link' && device.mac !== undefined
          ? [`BOOTIF=01-${device.mac.replaceAll(':', '-')}`]
          : []),
      ],
    },
    refusals,
  );
}

/** The installer reads its kernel's command line as a shell would. */
const argumentOf = (question: string, value: string): string =>
  `netcfg/${question}=${value.includes(' ') ? `"${value}"` : value}`;

const cardOf = (device: Device | undefined): string =>
  device?.kind === 'link' && device.mac === undefined && device.name !== undefined ? device.name : 'auto';

function addressAnswers(
  device: Device,
  { dns }: NetworkIntent,
  refusals: Refusal[],
): readonly (readonly [question: string, type: string, value: string])[] {
  const { key, dhcp4, dhcp6, addresses, routes, mtu } = device;
  if (mtu !== undefined) refusals.push({ key: `${key}.mtu`, because: 'netcfg has none' });
  if (dhcp4 || dhcp6) {
    if (addresses.length > 0) refusals.push({ key: `${key}.address`, because: 'netcfg takes DHCP or one address' });
    if (routes.length > 0) refusals.push({ key: routes[0]?.key ?? key, because: 'netcfg takes no routes beside DHCP' });
    // Name servers of one's own are asked for only without DHCP.
    if (dns.length > 0) refusals.push({ key: 'dns', because: 'netcfg takes those of DHCP' });
    return [['disable_autoconfig', 'boolean', 'false']];
  }
  const [address, ...others] = addresses;
  if (address === undefined) return [];
  if (others.length > 0) refusals.push({ key: `${key}.address[1]`, because: 'netcfg takes one address' });
  const isSix = ofFamily([address], 6).length > 0;
  const [gateway, ...rest] = routes;
  for (const route of gateway?.to === 'default' ? rest : routes) {
    refusals.push({ key: route.key, because: 'netcfg has no routes but a gateway' });
  }
  if (gateway?.metric !== undefined) refusals.push({ key: `${gateway.key}.metric`, because: 'netcfg has none' });
  if (gateway && isRoute6(gateway) !== isSix) {
    refusals.push({ key: gateway.key, because: 'netcfg takes a gateway of the address’s family' });
  }
  return [
    ['disable_autoconfig', 'boolean', 'true'],
    ['get_ipaddress', 'string', isSix ? address : addressOf(address)],
    ...(isSix ? [] : [['get_netmask', 'string', netmaskOf4(bitsOf(address))] as const]),
    ['get_gateway', 'string', gateway?.via ?? 'none'],
    ['get_nameservers', 'string', dns.join(' ')],
    ['confirm_static', 'boolean', 'true'],
  ];
}
