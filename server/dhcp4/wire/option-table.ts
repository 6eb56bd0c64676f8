import type { Cursor } from './cursor.ts';
import { clientFqdn, domainSearch } from './domain-name.ts';
import { ipxeOptions } from './ipxe-options.ts';
import { clientMachineId } from './machine-id.ts';
import { clientInterface } from './network-interface.ts';
import { relayInformation } from './relay-information.ts';
import { routes } from './routes.ts';
import {
  bytes,
  codes,
  i32,
  ip,
  ipList,
  messageType,
  presence,
  type Shape,
  text,
  u8,
  u16,
  u16List,
  u32,
} from './shape.ts';
import { userClass } from './user-class.ts';
import { vendorIdentifying } from './vendor-identifying.ts';

export type OptionSpec<T> = {
  readonly code: number;
  readonly shape: Shape<T>;
  /** The value in the cursor, for people; the type of the value does not matter to the caller. */
  readonly describe: (cursor: Cursor) => string;
};

const option = <T>(code: number, shape: Shape<T>): OptionSpec<T> => ({
  code,
  shape,
  describe: (cursor) => shape.show(shape.read(cursor)),
});

/** Every option that has a name here. RFC 2132 where nothing else is said; all others are kept as bytes. */
export const DHCP4_OPTIONS = {
  subnetMask: option(1, ip),
  timeOffset: option(2, i32),
  router: option(3, ipList),
  timeServers: option(4, ipList),
  domainNameServers: option(6, ipList),
  logServers: option(7, ipList),
  hostName: option(12, text),
  /** In blocks of 512 bytes. EDK2 trusts it as the size of the file, so it is never sent to firmware. */
  bootFileSize: option(13, u16),
  domainName: option(15, text),
  rootPath: option(17, text),
  interfaceMtu: option(26, u16),
  broadcastAddress: option(28, ip),
  ntpServers: option(42, ipList),
  /** What it means depends on `vendorClass`: see `readPxeOptions`. */
  vendorInformation: option(43, bytes(1)),
  requestedAddress: option(50, ip),
  leaseSeconds: option(51, u32),
  /** Consumed when a message is decoded and made anew when it is encoded. */
  overload: option(52, u8),
  messageType: option(53, messageType),
  serverId: option(54, ip),
  parameterRequestList: option(55, codes),
  message: option(56, text),
  maxMessageSize: option(57, u16),
  renewalSeconds: option(58, u32),
  rebindingSeconds: option(59, u32),
  vendorClass: option(60, text),
  clientId: option(61, bytes(2)),
  tftpServerName: option(66, text),
  bootFileName: option(67, text),
  /** RFC 3004. */
  userClass: option(77, userClass),
  /** RFC 4039. */
  rapidCommit: option(80, presence),
  /** RFC 4702. */
  clientFqdn: option(81, clientFqdn),
  /** RFC 3046. */
  relayInformation: option(82, relayInformation),
  /** RFC 4578 §2.1: one number or several. */
  clientArchitecture: option(93, u16List),
  /** RFC 4578 §2.2. */
  clientInterface: option(94, clientInterface),
  /** RFC 4578 §2.3. */
  clientMachineId: option(97, clientMachineId),
  /** RFC 8925. */
  ipv6OnlyWaitSeconds: option(108, u32),
  /** RFC 3011. */
  subnetSelection: option(118, ip),
  /** RFC 3397. */
  domainSearch: option(119, domainSearch),
  /** RFC 3442. */
  classlessRoutes: option(121, routes),
  /** RFC 3925. */
  vendorIdentifyingClass: option(124, vendorIdentifying),
  vendorIdentifyingInformation: option(125, vendorIdentifying),
  /** RFC 5859. */
  tftpServers: option(150, ipList),
  /** iPXE's own. */
  ipxe: option(175, ipxeOptions),
  /** iPXE's own. */
  iscsiInitiator: option(203, text),
  /** RFC 5071: F1 00 74 7E, without which old PXELINUX ignores the next three. */
  pxelinuxMagic: option(208, bytes(4, 4)),
  pxelinuxConfigFile: option(209, text),
  pxelinuxPathPrefix: option(210, text),
  pxelinuxRebootSeconds: option(211, u32),
  /** As 121, from before it had a number. */
  microsoftRoutes: option(249, routes),
} as const;

export type OptionName = keyof typeof DHCP4_OPTIONS;
export type OptionValue<N extends OptionName> = (typeof DHCP4_OPTIONS)[N] extends OptionSpec<infer T> ? T : never;
export type OptionValues = { readonly [N in OptionName]?: OptionValue<N> | undefined };

export type NamedOption = {
  readonly name: OptionName;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly describe: (cursor: Cursor) => string;
};

const BY_CODE: readonly (NamedOption | undefined)[] = Object.entries(DHCP4_OPTIONS).reduce<(NamedOption | undefined)[]>(
  (table, [name, { code, shape, describe }]) => {
    table[code] = { name: name as OptionName, min: shape.min, max: shape.max, step: shape.step, describe };
    return table;
  },
  Array.from({ length: 256 }, () => undefined),
);

/** What the table knows of a code, if anything. */
export const optionOfCode = (code: number): NamedOption | undefined => BY_CODE[code];

export const codeOf = (name: OptionName): number => DHCP4_OPTIONS[name].code;
