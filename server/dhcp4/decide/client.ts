import type { DhcpClient } from '#machines/contract/trace.ts';
import { type ClientSystem, systemOfCode } from '#machines/values/architecture.ts';
import { isMachineMac, type MacAddress } from '#machines/values/mac-address.ts';
import { isPlaceholderUuid, type Uuid } from '#machines/values/uuid.ts';
import { type Dhcp4Message, macOf } from '../wire/message.ts';
import { codeOf } from '../wire/option-table.ts';
import { getOption, hasOption, rawOption } from '../wire/options.ts';

/** Who speaks, as far as the packet tells. Everything in it is the client's claim. */
export type Client = {
  readonly kind: DhcpClient['kind'];
  /** Absent for a client without an Ethernet address that can name one machine. */
  readonly mac: MacAddress | undefined;
  /** Under which it leases; absent for a client that says nothing to tell it from others. */
  readonly key: string | undefined;
  readonly vendorClass: string | undefined;
  readonly userClass: string | undefined;
  /** Option 93: the first code that some loader could be for, else the first. */
  readonly archCode: number | undefined;
  readonly system: ClientSystem | undefined;
  /** From option 97, in the byte order that SMBIOS tools show; absent for a placeholder. */
  readonly uuid: Uuid | undefined;
  /** Only iPXE tells what it was built with. */
  readonly ipxe: { readonly http: boolean; readonly https: boolean } | undefined;
};

/** A client that boots over the network; all others only want an address. */
export const isNetbootClient = ({ kind }: Pick<Client, 'kind'>): boolean => kind !== 'os';

const CODES = {
  ipxe: codeOf('ipxe'),
  userClass: codeOf('userClass'),
  vendorClass: codeOf('vendorClass'),
  clientArchitecture: codeOf('clientArchitecture'),
} as const;

export function identifyClient(message: Dhcp4Message): Client {
  const { options } = message;
  const mac = machineMacOf(message);
  const key = mac ?? keyWithoutMac(message);
  const vendorClass = hasOption(options, CODES.vendorClass) ? getOption(options, 'vendorClass') : undefined;
  const saysMore = hasOption(options, CODES.ipxe) || hasOption(options, CODES.userClass);
  if (!saysMore && !isFirmwareClass(vendorClass)) return { ...PLAIN, mac, key, vendorClass };
  const userClass = getOption(options, 'userClass')?.classes.join(',');
  const archCode = archCodeOf(getOption(options, 'clientArchitecture'), vendorClass);
  const machineId = getOption(options, 'clientMachineId');
  const described = { mac, key, vendorClass, userClass, archCode, machineId: machineId?.id };
  const kind = FIRMWARES.find(({ is }) => is({ ...described, hasIpxeOptions: hasOption(options, CODES.ipxe) }))?.kind;
  const uuid = machineId?.uuid?.swapped;
  return {
    kind: kind ?? 'os',
    mac,
    key,
    vendorClass,
    userClass,
    archCode,
    system: archCode === undefined ? undefined : systemOfCode(archCode),
    uuid: uuid === undefined || kind === 'raspberry-pi' || isPlaceholderUuid(uuid) ? undefined : uuid,
    ipxe: kind === 'ipxe' ? ipxeFeatures(message) : undefined,
  };
}

const PLAIN = {
  kind: 'os',
  userClass: undefined,
  archCode: undefined,
  system: undefined,
  uuid: undefined,
  ipxe: undefined,
} as const;

const isFirmwareClass = (vendorClass: string | undefined): boolean =>
  vendorClass !== undefined && /^(PXEClient|HTTPClient|U-Boot)/.test(vendorClass);

type Described = {
  readonly mac: MacAddress | undefined;
  readonly vendorClass: string | undefined;
  readonly userClass: string | undefined;
  readonly archCode: number | undefined;
  readonly machineId: Uint8Array | undefined;
  readonly hasIpxeOptions: boolean;
};

type Firmware = { readonly kind: DhcpClient['kind']; readonly is: (client: Described) => boolean };

/** The first that fits. Each says by which marks its firmware is told from the ones below it. */
const FIRMWARES: readonly Firmware[] = [
  {
    // iPXE keeps the PXEClient or HTTPClient of the ROM that it replaces, so its own marks come first. The user class
    // is `iPXE` as raw text, or gPXE's name; a build that was given another one still sends its features in 175. To
    // take it for firmware would send it the same binary again, without end.
    kind: 'ipxe',
    is: ({ userClass, hasIpxeOptions }) => hasIpxeOptions || /\b[ig]PXE\b/.test(userClass ?? ''),
  },
  { kind: 'http', is: ({ vendorClass }) => vendorClass?.startsWith('HTTPClient') ?? false },
  {
    kind: 'u-boot',
    is: ({ vendorClass, archCode }) =>
      (vendorClass?.startsWith('U-Boot') ?? false) ||
      (isPxe(vendorClass) && archCode !== undefined && archCode >= 21 && archCode <= 24),
  },
  {
    // The ROM of a Raspberry Pi calls itself a BIOS PC (arch 0, UNDI 2.1). Only its maker's address, or the `RPi4` in
    // place of a UUID that later boot loaders send, tells it from one. Under UEFI firmware the same board says arch 11,
    // and is a PXE client like any other.
    kind: 'raspberry-pi',
    is: ({ mac, vendorClass, archCode, machineId }) =>
      isPxe(vendorClass) &&
      (archCode === ARCH_RPIBOOT || (archCode === ARCH_BIOS && (isRaspberryPiMac(mac) || saysRpi4(machineId)))),
  },
  { kind: 'pxe', is: ({ vendorClass }) => isPxe(vendorClass) },
];

const isPxe = (vendorClass: string | undefined): boolean => vendorClass?.startsWith('PXEClient') ?? false;

const ARCH_BIOS = 0;
const ARCH_RPIBOOT = 41;

/** Assigned by the IEEE to Raspberry Pi (Trading) Ltd and its foundation. */
const RASPBERRY_PI_OUIS = ['b8:27:eb', 'dc:a6:32', 'e4:5f:01', '28:cd:c1', 'd8:3a:dd', '2c:cf:67', '88:a2:9e'];
const isRaspberryPiMac = (mac: MacAddress | undefined): boolean =>
  mac !== undefined && RASPBERRY_PI_OUIS.includes(mac.slice(0, 8));

const saysRpi4 = (machineId: Uint8Array | undefined): boolean =>
  machineId !== undefined && String.fromCharCode(...machineId.subarray(0, 4)) === 'RPi4';

/** Option 93 goes before the text in option 60; a client that sends neither is a BIOS from before RFC 4578. */
function archCodeOf(codes: readonly number[] | undefined, vendorClass: string | undefined): number | undefined {
  const first = codes?.find((code) => systemOfCode(code) !== undefined) ?? codes?.[0];
  if (first !== undefined) return first;
  const text = /^(?:PXE|HTTP)Client:Arch:(\d{5})/.exec(vendorClass ?? '')?.[1];
  if (text !== undefined) return Number(text);
  return isPxe(vendorClass) ? ARCH_BIOS : undefined;
}

/** A build that sends no 175 at all is taken for a full one: the list has been there since gPXE. */
function ipxeFeatures({ options }: Dhcp4Message): NonNullable<Client['ipxe']> {
  const features = getOption(options, 'ipxe')?.features;
  if (features === undefined || Object.keys(features).length === 0) return { http: true, https: false };
  return { http: (features.http ?? 0) > 0, https: (features.https ?? 0) > 0 };
}

function machineMacOf(message: Dhcp4Message): MacAddress | undefined {
  const mac = macOf(message);
  return mac !== undefined && isMachineMac(mac) ? mac : undefined;
}

const CLIENT_ID = codeOf('clientId');

/**
 * Leases go by MAC, not by option 61 as RFC 2131 §4.2 has it: one machine shows several identifiers (UEFI none, iPXE
 * 01 and its MAC, Linux 255 with IAID and DUID) and would get as many addresses. Only a client without an Ethernet
 * address (InfiniBand has hlen 0) is told by its option 61, or else by its hardware type and address.
 */
function keyWithoutMac(message: Dhcp4Message): string | undefined {
  const clientId = rawOption(message.options, CLIENT_ID);
  if (clientId && clientId.length >= 2) return `id:${hexOf(clientId)}`;
  const { htype, hlen, chaddr } = message;
  const address = chaddr.subarray(0, hlen);
  return htype === 1 || address.every((byte) => byte === 0) ? undefined : `hw:${htype}:${hexOf(address)}`;
}

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
