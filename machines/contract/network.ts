import { z } from 'zod';
import { type IpAddress, isIpv6 } from '../values/ip-address.ts';
import {
  addressOf,
  type InterfaceAddress,
  type IpPrefix,
  isWithin,
  parseInterfaceAddress,
  parseIpPrefix,
} from '../values/ip-prefix.ts';
import { type MacAddress, parseMacAddress } from '../values/mac-address.ts';
import { type Parsed, parsed, refused } from '../values/parsed.ts';
import { ipAddress, macAddress, metadata, name, textValue } from './fields.ts';

/**
 * One intent for the network of a machine, rendered for every operating system (machines/os/network). What one of them
 * cannot express is refused with its key, never left out.
 */

/** IFNAMSIZ less its NUL; what sysctl and udev take for a path, a pattern or everything is no name (net/core/dev.c). */
const NAME = /^(?!\.|all$|default$)[A-Za-z0-9_.-]{1,15}$/;
const interfaceName = z.string().regex(NAME, 'want a name of at most 15 characters, such as eno1');

/** A card or device: its MAC address, or its name. Names depend on the operating system, addresses do not. */
const reference = textValue((text): Parsed<MacAddress | string> => {
  if (NAME.test(text)) return parsed(text);
  const mac = parseMacAddress(text);
  return mac.ok ? mac : refused(text, 'a MAC address such as 52:54:00:00:00:01, or a name such as eno1');
});

/** `dhcp` is DHCPv4, `dhcp6` DHCPv6; else an address with its prefix length. */
const address = textValue((text): Parsed<'dhcp' | 'dhcp6' | InterfaceAddress> => {
  if (text === 'dhcp' || text === 'dhcp6') return parsed(text);
  const own = parseInterfaceAddress(text);
  return own.ok ? own : { ok: false, because: `${own.because}; or dhcp | dhcp6` };
});

const route = z.strictObject({
  to: textValue((text): Parsed<'default' | IpPrefix> => (text === 'default' ? parsed(text) : parseIpPrefix(text))),
  /** Absent: reached on the link itself. */
  via: ipAddress.optional(),
  metric: z
    .int()
    .min(1)
    .max(2 ** 32 - 1)
    .optional(),
});

/** What a link, a bond and a VLAN have alike. */
const addressing = {
  /** One or a list. None: no address, such as for what belongs to a bond. */
  address: z.preprocess((raw) => (typeof raw === 'string' ? [raw] : raw), z.array(address).max(32).default([])),
  /** The same as a route to `default`. */
  gateway: ipAddress.optional(),
  routes: z.array(route).max(64).default([]),
  mtu: z.int().min(576).max(65_535).optional(),
};

const link = z.strictObject({ mac: macAddress.optional(), name: interfaceName.optional(), ...addressing });

export const BOND_MODES = [
  'balance-rr',
  'active-backup',
  'balance-xor',
  'broadcast',
  '802.3ad',
  'balance-tlb',
  'balance-alb',
] as const;
export const HASH_POLICIES = ['layer2', 'layer2+3', 'layer3+4', 'encap2+3', 'encap3+4'] as const;

const bond = z.strictObject({
  name: interfaceName,
  interfaces: z.array(reference).min(1).max(16),
  mode: z.enum(BOND_MODES).default('active-backup'),
  primary: reference.optional(),
  /** How often the carrier of each member is looked at. */
  miimonMs: z.int().min(1).max(60_000).default(100),
  lacpRate: z.enum(['slow', 'fast']).optional(),
  hashPolicy: z.enum(HASH_POLICIES).optional(),
  minLinks: z.int().min(1).max(16).optional(),
  ...addressing,
});

const vlan = z.strictObject({
  /** Absent: `vlan` and the id. */
  name: interfaceName.optional(),
  interface: reference,
  id: z.int().min(1).max(4094),
  ...addressing,
});

const domain = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'want a domain such as lab.example');

const intentShape = {
  interfaces: z.array(link).max(64).default([]),
  bonds: z.array(bond).max(16).default([]),
  vlans: z.array(vlan).max(64).default([]),
  dns: z.array(ipAddress).max(8).default([]),
  search: z.array(domain).max(8).default([]),
};

const plainIntent = z.object(intentShape);
export type NetworkIntent = z.output<typeof plainIntent>;
export type NetworkLink = NetworkIntent['interfaces'][number];
export type NetworkBond = NetworkIntent['bonds'][number];
export type NetworkVlan = NetworkIntent['vlans'][number];
export type NetworkRoute = z.output<typeof route>;
type AddressItem = z.output<typeof address>;
export type NetworkReference = z.output<typeof reference>;

/** On a machine: the intent itself, or the name of a Network that several machines share. */
export const machineNetwork = z.preprocess(
  (raw) => (typeof raw === 'string' ? { use: raw } : raw),
  z
    .strictObject({ use: name.optional(), ...intentShape })
    .superRefine(checkIntent)
    .superRefine(({ use, ...own }, context) => {
      if (use === undefined || Object.values(own).every((list) => list.length === 0)) return;
      context.addIssue({ code: 'custom', path: ['use'], message: 'got a name and a network, want one of them' });
    }),
);

/** One for several machines: they name it. */
export const networkDocument = z
  .strictObject({ kind: z.literal('Network'), ...metadata, ...intentShape })
  .superRefine(checkIntent);

export const vlanName = ({ name, id }: Pick<NetworkVlan, 'name' | 'id'>): string => name ?? `vlan${id}`;

export const isMac = (one: NetworkReference): one is MacAddress => one.includes(':');

type Path = readonly (string | number)[];
type Wrong = { readonly path: Path; readonly because: string };

function checkIntent(intent: NetworkIntent, context: z.core.$RefinementCtx): void {
  for (const { path, because } of intentProblems(intent)) {
    context.addIssue({ code: 'custom', path: [...path], message: because });
  }
}

/** What its parts need of each other. */
export function intentProblems(intent: NetworkIntent): readonly Wrong[] {
  return [...linkProblems(intent), ...bondProblems(intent), ...vlanProblems(intent), ...addressProblems(intent)];
}

function linkProblems({ interfaces }: NetworkIntent): readonly Wrong[] {
  return interfaces.flatMap((one, index): readonly Wrong[] => {
    const path = ['interfaces', index] as const;
    if (one.mac === undefined && one.name === undefined) {
      return [{ path, because: 'got neither, want its mac, its name, or both' }];
    }
    const earlier = interfaces.slice(0, index);
    return [
      ...(one.mac !== undefined && earlier.some(({ mac }) => mac === one.mac)
        ? [{ path: [...path, 'mac'], because: `got ${one.mac} a second time` }]
        : []),
      ...(one.name !== undefined && earlier.some(({ name }) => name === one.name)
        ? [{ path: [...path, 'name'], because: `got ${one.name} a second time` }]
        : []),
    ];
  });
}

function bondProblems({ interfaces, bonds }: NetworkIntent): readonly Wrong[] {
  const taken = new Map<number, string>();
  return bonds.flatMap((one, index): readonly Wrong[] => {
    const path = ['bonds', index] as const;
    const found: Wrong[] = [];
    if (
      interfaces.some(({ name }) => name === one.name) ||
      bonds.slice(0, index).some(({ name }) => name === one.name)
    ) {
      found.push({ path: [...path, 'name'], because: `got ${one.name}, which something else here is named` });
    }
    for (const [at, member] of one.interfaces.entries()) {
      const where = [...path, 'interfaces', at];
      const card = interfaces.findIndex(({ name, mac }) => name === member || mac === member);
      const owner = taken.get(card);
      if (card < 0) found.push({ path: where, because: `got ${member}, want one of interfaces, by its name or mac` });
      else if (owner !== undefined) found.push({ path: where, because: `got ${member}, which belongs to ${owner}` });
      else if (hasAddressing(interfaces[card])) {
        found.push({ path: where, because: `got ${member}, which has an address, a gateway or routes of its own` });
      }
      if (card >= 0) taken.set(card, one.name);
    }
    if (one.primary !== undefined && !one.interfaces.includes(one.primary)) {
      found.push({ path: [...path, 'primary'], because: `got ${one.primary}, want one of interfaces of this bond` });
    }
    if (one.primary !== undefined && !['active-backup', 'balance-tlb', 'balance-alb'].includes(one.mode)) {
      found.push({ path: [...path, 'primary'], because: `mode ${one.mode} has none` });
    }
    if (one.lacpRate !== undefined && one.mode !== '802.3ad') {
      found.push({ path: [...path, 'lacpRate'], because: `mode ${one.mode} has none; want mode: 802.3ad` });
    }
    return found;
  });
}

function vlanProblems({ interfaces, bonds, vlans }: NetworkIntent): readonly Wrong[] {
  const names = [...interfaces, ...bonds].map(({ name }) => name);
  return vlans.flatMap((one, index): readonly Wrong[] => {
    const path = ['vlans', index] as const;
    const name = vlanName(one);
    const earlier = vlans.slice(0, index);
    const isThere =
      bonds.some((bonded) => bonded.name === one.interface) ||
      interfaces.some((card) => card.name === one.interface || card.mac === one.interface);
    return [
      ...(isThere
        ? []
        : [{ path: [...path, 'interface'], because: `got ${one.interface}, want one of interfaces or bonds` }]),
      ...(names.includes(name) || earlier.some((other) => vlanName(other) === name)
        ? [{ path: [...path, 'name'], because: `got ${name}, which something else here is named` }]
        : []),
      ...(earlier.some(({ id, interface: under }) => id === one.id && under === one.interface)
        ? [{ path: [...path, 'id'], because: `got ${one.id} a second time on ${one.interface}` }]
        : []),
    ];
  });
}

type Addressed = Pick<NetworkLink, 'address' | 'gateway' | 'routes' | 'mtu'>;

function addressProblems(intent: NetworkIntent): readonly Wrong[] {
  const seen = new Map<string, string>();
  const defaults = new Map<string, string>();
  return addressedParts(intent).flatMap(({ path, part }): readonly Wrong[] => {
    const found: Wrong[] = [];
    const all = part.address;
    const own = all.filter(isStatic);
    for (const [at, one] of all.entries()) {
      const where = [...path, 'address', at];
      if (all.indexOf(one) < at) found.push({ path: where, because: `got ${one} a second time` });
      if (!isStatic(one)) continue;
      const ip = addressOf(one);
      const holder = seen.get(ip);
      if (holder !== undefined) found.push({ path: where, because: `got ${ip}, which ${holder} has` });
      seen.set(ip, textOf(path));
      if (isIpv6(ip) && part.mtu !== undefined && part.mtu < 1280) {
        found.push({ path: [...path, 'mtu'], because: `got ${part.mtu}, want at least 1280 for IPv6 (RFC 8200 §5)` });
      }
    }
    const isNear = (ip: IpAddress): boolean => own.some((one) => isWithin(one, ip)) || /^fe[89ab]/.test(ip);
    const isDynamic = (ip: IpAddress): boolean => all.includes(isIpv6(ip) ? 'dhcp6' : 'dhcp');
    if (part.gateway !== undefined && !isNear(part.gateway)) {
      const because = `got ${part.gateway}, which is in no network of its addresses`;
      found.push({ path: [...path, 'gateway'], because });
    }
    for (const [at, { to, via }] of part.routes.entries()) {
      const where = [...path, 'routes', at];
      if (via === undefined) {
        if (to === 'default') found.push({ path: [...where, 'via'], because: 'got nothing, want where default goes' });
        continue;
      }
      if (to !== 'default' && isIpv6(addressOf(to)) !== isIpv6(via)) {
        found.push({ path: [...where, 'via'], because: `got ${via}, which is of another family than ${to}` });
      }
      if (!isNear(via) && !isDynamic(via)) {
        found.push({ path: [...where, 'via'], because: `got ${via}, which is in no network of its addresses` });
      }
    }
    for (const { via, metric, key } of defaultsOf(part)) {
      const kind = `${isIpv6(via) ? 'IPv6' : 'IPv4'} ${metric ?? 'none'}`;
      const other = defaults.get(kind);
      if (other !== undefined) {
        found.push({ path: [...path, ...key], because: `${other} is a default route too; give one of them a metric` });
      }
      defaults.set(kind, textOf([...path, ...key]));
    }
    return found;
  });
}

function defaultsOf({ gateway, routes }: Addressed) {
  return [
    ...(gateway === undefined ? [] : [{ via: gateway, metric: undefined, key: ['gateway'] as Path }]),
    ...routes.flatMap(({ to, via, metric }, at) =>
      to === 'default' && via !== undefined ? [{ via, metric, key: ['routes', at] as Path }] : [],
    ),
  ];
}

/** An address of its own, or a way to be given one. */
export const isStatic = (one: AddressItem): one is InterfaceAddress => one !== 'dhcp' && one !== 'dhcp6';

const hasAddressing = (one: Addressed | undefined): boolean =>
  one !== undefined && (one.address.length > 0 || one.gateway !== undefined || one.routes.length > 0);

function addressedParts({ interfaces, bonds, vlans }: NetworkIntent) {
  const listed = (key: string, parts: readonly Addressed[]) =>
    parts.map((part, index) => ({ path: [key, index] as Path, part }));
  return [...listed('interfaces', interfaces), ...listed('bonds', bonds), ...listed('vlans', vlans)];
}

/** `interfaces[0].address`. */
const textOf = (path: Path): string =>
  path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');
