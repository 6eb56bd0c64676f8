/** Makes LLDP frames as switches send them, IEEE 802.1AB-2016 §8. */
export const tlv = (type: number, value: readonly number[]): readonly number[] => [
  (type << 1) | (value.length >> 8),
  value.length & 0xff,
  ...value,
];

export const ascii = (text: string): readonly number[] => Array.from(text, (one) => one.charCodeAt(0) & 0xff);

export const frame = (tlvs: readonly (readonly number[])[], tag: readonly number[] = []): Uint8Array =>
  Uint8Array.from([
    ...[0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e],
    ...[0x02, 0x00, 0x00, 0xaa, 0xbb, 0xcc],
    ...tag,
    ...[0x88, 0xcc],
    ...tlvs.flat(),
  ]);

export const END = tlv(0, []);

/** A top-of-rack switch: chassis by MAC, port by name, VLAN 42, and a management address of each family. */
export const SWITCH = frame([
  tlv(1, [4, 0x02, 0x00, 0x00, 0xaa, 0xbb, 0x00]),
  tlv(2, [5, ...ascii('Ethernet1/7')]),
  tlv(3, [0, 120]),
  tlv(4, ascii('to rack 3, unit 12')),
  tlv(5, ascii('tor-3.example.net')),
  tlv(6, ascii('A switch with a long description')),
  tlv(7, [0, 0x14, 0, 0x14]),
  tlv(8, [5, 1, 192, 0, 2, 1, 2, 0, 0, 0, 7, 0]),
  tlv(8, [17, 2, 0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), 1, 2, 0, 0, 0, 7, 0]),
  tlv(127, [0x00, 0x12, 0x0f, 0x01, 0x03, 0x6c, 0x00, 0x00, 0x10]),
  tlv(127, [0x00, 0x80, 0xc2, 0x01, 0, 42]),
  END,
]);
