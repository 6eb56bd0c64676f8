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
  'declines', // finds each address in use
  'refuses-http', // UEFI HTTP Boot asks HEAD and gives up
  'late-link', // the switch port forwards only after 30 seconds
  'relay-drops-82', // the relay stopped adding option 82
  'wrong-relay', // the relay is on a network that the daemon has no subnet for
] as const;
export type Fault = (typeof FAULTS)[number];

/** What looks like a fault for a moment, and is none: the machine boots all the same. */
export const QUIRKS = [
  'other-offer-first', // REQUESTs another server's offer once, gets nothing from it, then takes ours
  'first-offer-lost', // does not hear the first OFFER
  'declines-once', // finds its first address in use, and takes the next
  'swapped-secs', // writes `secs` with its bytes swapped, as some BIOS ROMs do: 4 seconds come as 1024
  'ebc-arch', // says 9 (EBC) for x86-64, as the registry and old firmware do
  'tftp-on-second-try', // its first requests for the loader get lost
  'tftp-hiccup', // for a while it does not acknowledge, then goes on
  'waits-for-link', // iPXE waits for its link before it asks for an address
  'script-late', // iPXE takes its time between its address and the script
  'kernel-on-second-try', // the download of the kernel breaks off and is begun again
  'plain-relay', // its relay never added option 82, and listens at port 67 as the RFC says
  'installed', // its own disk holds a system, which asks for an address when nothing is netbooted
  'boots-twice', // powers on again once right after the kernel, then runs
] as const;
export type Quirk = (typeof QUIRKS)[number];

/** One machine of the rack: what is printed on it. */
export type MachineSpec = {
  readonly name: string;
  readonly mac: MacAddress;
  readonly uuid: Uuid;
  readonly serial: string;
  readonly manufacturer: string;
  readonly product: string;
  readonly firmware: Firmware;
  readonly faults: readonly (Fault | Quirk)[];
  /** The relay agent of its network; the rack's own where none is named. */
  readonly giaddr?: Ipv4;
};

/** Where the rack finds the daemon: it knows nothing else of it. */
export type DaemonSockets = {
  readonly dhcp: { readonly address: Ipv4; readonly port: number };
  /** Firmware always asks port 69; a rack without root must be told another. */
  readonly tftpPort: number;
};

/** How long what takes a real machine minutes takes here; milliseconds. */
export type RackTimes = {
  /** From power to the first packet. */
  readonly selfTestMs: number;
  /** From the kernel's last byte to user space. */
  readonly kernelMs: number;
  /** How long a switch port with a `late-link` swallows everything. */
  readonly linkMs: number;
  /** How long what is late or refused keeps a machine busy: each `…-late`, `…-second-try` and refusal. */
  readonly hesitationMs: number;
};

export const RACK_TIMES: RackTimes = { selfTestMs: 300, kernelMs: 1500, linkMs: 30_000, hesitationMs: 1000 };
