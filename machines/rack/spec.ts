import type { Ipv4 } from '../values/ip-address.ts';
import type { MacAddress } from '../values/mac-address.ts';
import type { Uuid } from '../values/uuid.ts';

/** The kinds of firmware that the rack speaks like. */
export const FIRMWARES = ['bios', 'uefi', 'uefi-http', 'uefi-arm64', 'ipxe-rom'] as const;
export type Firmware = (typeof FIRMWARES)[number];

/** What can be wrong with a machine, its cables or its network. Each happens on real sockets. */
export const FAULTS = [
  'ignores-offers', // hears the OFFER and does nothing
  'takes-other-offer', // REQUESTs the offer of another server
  'no-tftp', // a firewall eats its TFTP requests
  'tftp-stalls', // stops acknowledging in the middle of the loader
  'unknown-arch', // says an architecture that no loader exists for
  'loader-dies', // starts the loader, which finds no network card
  'loader-refused', // SecureBoot refuses the loader, and the firmware begins again
  'no-script', // iPXE gets its address, but never asks for its script
  'stops-before-kernel', // has the script, never asks for the kernel
  'stops-after-kernel', // the kernel comes, the initrd is never asked for
  'silent-kernel', // kernel and initrd come whole, nothing is heard again
  'boots-again', // powers on again and again right after the kernel
  'declines', // finds its address in use
  'refuses-http', // UEFI HTTP Boot asks HEAD and gives up
  'late-link', // the switch port forwards only after 30 seconds
  'relay-drops-82', // the relay stopped adding option 82
  'wrong-relay', // the relay is on a network that the daemon has no subnet for
] as const;
export type Fault = (typeof FAULTS)[number];

/** One machine of the rack: what is printed on it. */
export type MachineSpec = {
  readonly name: string;
  readonly mac: MacAddress;
  readonly uuid: Uuid;
  readonly serial: string;
  readonly manufacturer: string;
  readonly product: string;
  readonly firmware: Firmware;
  readonly faults: readonly Fault[];
};

/** Where the rack finds the daemon: it knows nothing else of it. */
export type DaemonSockets = {
  readonly dhcp: { readonly address: Ipv4; readonly port: number };
  /** Firmware always asks port 69; a rack without root must be told another. */
  readonly tftpPort: number;
  /** Where the running system of a machine sends its log, if anywhere. */
  readonly syslog: { readonly address: Ipv4; readonly port: number } | undefined;
};
