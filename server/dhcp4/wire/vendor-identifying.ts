import { Writer } from './cursor.ts';
import { hex, type Shape, UNBOUNDED } from './shape.ts';

/** Options 124 and 125 (RFC 3925): data of several vendors side by side, each under its IANA enterprise number. */
export type VendorData = { readonly enterprise: number; readonly data: Uint8Array };

export const vendorIdentifying: Shape<readonly VendorData[]> = {
  min: 5,
  max: UNBOUNDED,
  step: 1,
  read: (cursor) => {
    const vendors: VendorData[] = [];
    while (cursor.left > 0) {
      const enterprise = cursor.u32();
      vendors.push({ enterprise, data: cursor.bytes(cursor.u8()) });
    }
    return vendors;
  },
  write: (vendors) => {
    const writer = new Writer(vendors.reduce((sum, { data }) => sum + 5 + data.length, 0));
    for (const { enterprise, data } of vendors) {
      writer.u32(enterprise);
      writer.u8(data.length);
      writer.copy(data);
    }
    return writer.bytes;
  },
  show: (vendors) => vendors.map(({ enterprise, data }) => `${enterprise}=[${hex(data)}]`).join(' '),
};
