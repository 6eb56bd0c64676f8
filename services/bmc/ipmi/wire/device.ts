import { type Decoded, decoding, malformed } from './cursor.ts';

/** Commands of App, Transport and DCMI that tell what a BMC is. */
export const DEVICE = { deviceId: 0x01, systemGuid: 0x37, lanParameters: 0x02, dcmiPower: 0x02 } as const;

/** Get Device ID, IPMI v2.0 §20.1. */
export type DeviceId = {
  readonly deviceId: number;
  readonly firmware: string;
  /** IANA enterprise number of the maker. */
  readonly manufacturer: number;
  readonly product: number;
  readonly hasSel: boolean;
  readonly hasFru: boolean;
};

export function decodeDeviceId(data: Uint8Array): Decoded<DeviceId> {
  return decoding(data, (read) => {
    const deviceId = read.uint8('device ID');
    read.uint8('device revision');
    const major = read.uint8('firmware revision') & 0x7f;
    const minor = read.uint8('firmware revision');
    read.uint8('IPMI version');
    const support = read.uint8('device support');
    // Some makers write the minor revision as a plain number: hexadecimal digits are then kept as they are.
    const firmware = `${major}.${minor.toString(16).padStart(2, '0')}`;
    return {
      deviceId,
      firmware,
      manufacturer: read.uint24('manufacturer') & 0x0fffff,
      product: read.uint16('product'),
      hasSel: (support & 0x04) !== 0,
      hasFru: (support & 0x08) !== 0,
    };
  });
}

/** Get System GUID, IPMI v2.0 §22.14: 16 bytes whose order is the maker's own affair. */
export const decodeGuid = (data: Uint8Array): Decoded<Uint8Array> =>
  decoding(data, (read) => read.bytes(16, 'GUID').slice());

export const LAN_PARAMETER = { address: 3, mac: 5 } as const;

/** Get LAN Configuration Parameters, IPMI v2.0 §23.2, for the channel that is asked over. */
export const lanParameterRequest = (parameter: number): Uint8Array => Uint8Array.of(0x0e, parameter, 0, 0);

export function decodeLanAddress(data: Uint8Array): Decoded<string> {
  return decoding(data, (read) => {
    read.uint8('parameter revision');
    return Array.from(read.bytes(4, 'IP address')).join('.');
  });
}

/** Six bytes. */
export function decodeLanMac(data: Uint8Array): Decoded<Uint8Array> {
  return decoding(data, (read) => {
    read.uint8('parameter revision');
    return read.bytes(6, 'MAC address');
  });
}

const DCMI_GROUP = 0xdc;

/** DCMI v1.5 §6.6.1, Get Power Reading: system power statistics. */
export const DCMI_POWER_REQUEST = Uint8Array.of(DCMI_GROUP, 0x01, 0x00, 0x00);

/** Watts, or undefined while it does not measure. */
export function decodeDcmiPower(data: Uint8Array): Decoded<number | undefined> {
  return decoding(data, (read) => {
    const group = read.uint8('group');
    if (group !== DCMI_GROUP) malformed(`group is ${group}, want ${DCMI_GROUP}`);
    const watts = read.uint16('current power');
    read.bytes(14, 'statistics');
    return (read.uint8('reading state') & 0x40) === 0 ? undefined : watts;
  });
}
