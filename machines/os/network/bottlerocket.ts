import type { NetworkIntent } from '#machines/contract/network.ts';
import { yamlString } from '#machines/values/escape.ts';
import {
  type Device,
  devicesOf,
  hasAddress,
  ofFamily,
  primaryOf,
  type Refusal,
  type Rendered,
  rendered,
} from './devices.ts';

/** As net.toml and the settings that go with it: addresses stand in the file, name servers in user data. */
export type BottlerocketNetwork = {
  readonly netToml: string;
  /** `settings.dns` of user data; nothing where all is by DHCP and none was asked for. */
  readonly dns: { readonly 'name-servers'?: readonly string[]; readonly 'search-list'?: readonly string[] } | undefined;
};

/** First releases of the versions: 1.9, 1.10, 1.12. */
export type NetTomlVersion = 1 | 2 | 3;

/**
 * net.toml in the lowest version that can say it (Bottlerocket, PROVISIONING-METAL.md, "Network interface
 * configuration"). `newest`: what the installed release understands.
 */
export function renderBottlerocket(intent: NetworkIntent, newest: NetTomlVersion = 3): Rendered<BottlerocketNetwork> {
  const devices = devicesOf(intent);
  const primary = primaryOf(devices);
  const refusals: Refusal[] = [];
  const refuse = (key: string, because: string): void => void refusals.push({ key, because });
  let version: NetTomlVersion = 1;
  const needs = (wanted: NetTomlVersion, key: string, what: string): void => {
    if (wanted > newest) refuse(key, `${what} needs net.toml version ${wanted}, and this release knows ${newest}`);
    if (wanted > version) version = wanted;
  };
  if (!primary) refuse('interfaces', 'Bottlerocket needs at least one device with an address, or nothing of it starts');

  const tables = devices.flatMap((device): readonly string[] => {
    const { key } = device;
    // What only carries a bond or a VLAN is no table of its own.
    if (device.kind === 'link' && !hasAddress(device)) {
      if (device.mtu !== undefined) refuse(`${key}.mtu`, 'net.toml has no MTU');
      return [];
    }
    if (device.mtu !== undefined) refuse(`${key}.mtu`, 'net.toml has no MTU');
    if (device.addresses.length > 0) needs(2, `${key}.address`, 'a static address');
    if (device.addresses.length > 0 && (device.dhcp4 || device.dhcp6)) {
      refuse(`${key}.address`, 'net.toml takes either DHCP or static addresses on one device');
    }
    if (device.routes.length > 0 && (device.dhcp4 || device.dhcp6)) {
      refuse(device.routes[0]?.key ?? key, 'net.toml takes no routes beside DHCP');
    }
    const named = tableName(device);
    if (device.kind === 'link' && device.name === undefined) needs(3, `${key}.mac`, 'a MAC address as a name');
    const lines = [`[${named}]`, ...kindLines(device, refuse, needs)];
    if (device === primary) lines.push('primary = true');
    if (device.dhcp4 || device.kind !== 'link') lines.push(`dhcp4 = ${device.dhcp4}`);
    if (device.dhcp6 || device.kind !== 'link') lines.push(`dhcp6 = ${device.dhcp6}`);
    return [lines.join('\n'), ...subTables(device, named)];
  });

  const { dns, search } = intent;
  return rendered(
    {
      netToml: `${[`version = ${version}`, ...tables].join('\n\n')}\n`,
      dns:
        dns.length + search.length === 0
          ? undefined
          : {
              ...(dns.length > 0 ? { 'name-servers': dns } : {}),
              ...(search.length > 0 ? { 'search-list': search } : {}),
            },
    },
    refusals,
  );
}

/** A bare key where TOML takes it (v1.0, Keys). */
function tableName(device: Device): string {
  const name = device.name ?? (device.kind === 'link' ? (device.mac ?? '') : '');
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : yamlString(name);
}

function kindLines(
  device: Device,
  refuse: (key: string, because: string) => void,
  needs: (wanted: NetTomlVersion, key: string, what: string) => void,
): readonly string[] {
  const { key } = device;
  if (device.kind === 'link') return [];
  needs(3, key, `a ${device.kind}`);
  if (device.name.includes('.')) refuse(`${key}.name`, `${device.name}: Bottlerocket takes no dots in names`);
  if (device.kind === 'vlan') {
    const { parent } = device;
    if (parent.name === undefined) refuse(`${key}.interface`, 'net.toml wants the card under a VLAN by its name');
    return ['kind = "vlan"', `device = ${yamlString(parent.name ?? '')}`, `id = ${device.id}`];
  }
  const { mode, miimonMs, hashPolicy, minLinks } = device.intent;
  if (mode !== 'active-backup') refuse(`${key}.mode`, `${mode}: Bottlerocket has active-backup only`);
  if (hashPolicy !== undefined) refuse(`${key}.hashPolicy`, 'net.toml has none');
  const unnamed = device.members.find(({ name }) => name === undefined);
  if (unnamed) refuse(`${unnamed.key}.name`, 'net.toml wants the cards of a bond by their names');
  // The first is the primary one.
  const ordered = [...device.members].sort((a, b) => Number(b === device.primary) - Number(a === device.primary));
  return [
    'kind = "bond"',
    'mode = "active-backup"',
    `interfaces = [${ordered.map(({ name }) => yamlString(name ?? '')).join(', ')}]`,
    ...(minLinks === undefined ? [] : [`min-links = ${minLinks}`]),
    // All three or none; a link is taken back after twice the time that tells that it is there.
    `monitoring = { miimon-frequency-ms = ${miimonMs}, miimon-updelay-ms = ${2 * miimonMs}, miimon-downdelay-ms = ${2 * miimonMs} }`,
  ];
}

function subTables(device: Device, named: string): readonly string[] {
  const list = (family: 4 | 6): readonly string[] => {
    const addresses = ofFamily(device.addresses, family);
    if (addresses.length === 0) return [];
    return [`[${named}.static${family}]\naddresses = [${addresses.map(yamlString).join(', ')}]`];
  };
  const routes = device.routes.map(({ to, via, metric }) =>
    [
      `[[${named}.route]]`,
      `to = ${yamlString(to)}`,
      ...(via === undefined ? [] : [`via = ${yamlString(via)}`]),
      ...(metric === undefined ? [] : [`route-metric = ${metric}`]),
    ].join('\n'),
  );
  return [...list(4), ...list(6), ...routes];
}
