import type { Ipv4 } from '#machines/values/ip-address.ts';
import { fitsFile } from '../wire/message.ts';
import type { OptionValues } from '../wire/option-table.ts';
import { writePxeOptions } from '../wire/pxe-options.ts';
import type { Client } from './client.ts';

/** The boot part of a reply: fields, options, and which options go back as they came. */
export type BootShape = {
  readonly siaddr: Ipv4;
  readonly sname: string;
  readonly file: string;
  readonly options: OptionValues;
  readonly echo: readonly ('clientMachineId' | 'clientId')[];
};

export type ShapeFacts = {
  readonly client: Client;
  /** Ours, where TFTP is served. */
  readonly server: Ipv4;
  /** Absent for firmware that knows the names by itself. */
  readonly name: string | undefined;
  readonly proxy: boolean;
  /**
   * The machine is labelled `ingot/no-option-43`: EDK2 before April 2017 (8cdd559be6; Dell T430, HPE DL380 Gen9) loses a
   * proxy's offer that has option 43. Without it the firmware asks at port 4011, where it is answered.
   */
  readonly noOption43: boolean;
  /** Option 43.71 of a request to a boot server, to be echoed (Intel PXE 2.1 §2.2.3). */
  readonly bootItem: { readonly type: number; readonly layer: number } | undefined;
};

/** Bit 3 of 43.6: no prompt, no menu, no discovery; load the boot file. */
const LOAD_AT_ONCE = 8;

/** What each firmware takes, as measured on OVMF and read in EDK2's and iPXE's source. */
export function bootShapeOf(facts: ShapeFacts): BootShape {
  switch (facts.client.kind) {
    case 'http':
      return forHttp(facts);
    case 'ipxe':
      return forIpxe(facts);
    case 'raspberry-pi':
      return forRaspberryPi(facts);
    case 'u-boot':
      return forUBoot(facts);
    case 'pxe':
    case 'os':
      return forPxe(facts);
    default:
      return facts.client.kind satisfies never;
  }
}

const inFile = (name: string | undefined): string => (name !== undefined && fitsFile(name) ? name : '');

/**
 * The one shape that every PXE ROM takes. Name and server stand twice: UEFI reads siaddr with `file` or 67, some BIOS
 * ROMs and U-Boot read 66. Option 60 makes EDK2 look for option 43, and without 43.6 it would go to port 4011 and fail
 * where nothing listens. No option 13: EDK2 trusts it as the size of the file.
 */
function forPxe({ server, name, proxy, noOption43, bootItem }: ShapeFacts): BootShape {
  const without43 = noOption43 && proxy && bootItem === undefined;
  return {
    siaddr: server,
    sname: server,
    file: inFile(name),
    options: {
      vendorClass: 'PXEClient',
      vendorInformation: without43
        ? undefined
        : writePxeOptions({ discoveryControl: bootItem ? undefined : LOAD_AT_ONCE, bootItem }),
      tftpServerName: server,
      bootFileName: name,
    },
    echo: ['clientMachineId'],
  };
}

/**
 * UEFI HTTP Boot discards an offer whose option 60 does not begin with `HTTPClient`, and one without a URL (UEFI 2.10
 * §24.7). Overloading would hide `file` from it, and it never asks at port 4011.
 */
function forHttp({ server, name }: ShapeFacts): BootShape {
  return {
    siaddr: server,
    sname: '',
    file: inFile(name),
    options: { vendorClass: 'HTTPClient', bootFileName: name },
    echo: ['clientMachineId'],
  };
}

/**
 * iPXE takes an offer with option 60 `PXEClient` for a proxy's, so that goes out in proxy mode only, with 43.6 beside
 * it: without, it would wait two seconds for port 4011, and a menu in 43.9 makes it ask without end. As the only server,
 * 175.176 tells it not to wait for a proxy at all.
 */
function forIpxe({ server, name, proxy, bootItem }: ShapeFacts): BootShape {
  return {
    siaddr: server,
    sname: '',
    file: inFile(name),
    options: proxy
      ? {
          vendorClass: 'PXEClient',
          vendorInformation: writePxeOptions({ discoveryControl: LOAD_AT_ONCE, bootItem }),
          bootFileName: name,
        }
      : { bootFileName: name, ipxe: { noPxeDhcp: true } },
    echo: ['clientMachineId'],
  };
}

/**
 * The ROM of a Raspberry Pi 3 looks for the text `Raspberry Pi Boot` in a menu of option 43, begins TFTP after the OFFER
 * and never sends a REQUEST. It and its successors know the names of their files; the server is all they need.
 */
function forRaspberryPi({ server }: ShapeFacts): BootShape {
  return {
    siaddr: server,
    sname: '',
    file: '',
    options: {
      vendorClass: 'PXEClient',
      vendorInformation: writePxeOptions({
        discoveryControl: 3,
        prompt: { timeoutSeconds: 0, text: 'PXE' },
        bootMenu: [{ type: 0, text: 'Raspberry Pi Boot' }],
      }),
      tftpServerName: server,
    },
    echo: ['clientMachineId'],
  };
}

/** `pxe get` looks for `pxelinux.cfg/01-<mac>` on the server by itself; U-Boot reads siaddr, or 66 as text. */
function forUBoot({ server, name }: ShapeFacts): BootShape {
  return {
    siaddr: server,
    sname: server,
    file: inFile(name),
    options: { tftpServerName: server, bootFileName: name },
    echo: ['clientMachineId'],
  };
}
