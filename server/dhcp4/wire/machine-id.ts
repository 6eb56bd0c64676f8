import { type Uuid, uuidByteSwapped, uuidFromBytes } from '#machines/values/uuid.ts';
import { Writer } from './cursor.ts';
import { hex, type Shape } from './shape.ts';

/**
 * Option 97 (RFC 4578 §2.3): a type byte and an identifier. Type 0 is a UUID of 16 bytes, and firmware disagrees on
 * its byte order: OVMF and iPXE send the first three fields little-endian as SMBIOS stores them, others send RFC 9562
 * order. Both readings are offered; neither is a key by itself (all zero, all ones, and vendors' duplicates exist).
 */
export type ClientMachineId = {
  readonly type: number;
  readonly id: Uint8Array;
  /** Only for type 0 with 16 bytes. */
  readonly uuid?: { readonly asSent: Uuid; readonly swapped: Uuid };
};

const UUID_TYPE = 0;

export const clientMachineId: Shape<ClientMachineId> = {
  min: 2,
  max: 255,
  step: 1,
  read: (cursor) => {
    const type = cursor.u8();
    const id = cursor.bytes(cursor.left);
    if (type !== UUID_TYPE || id.length !== 16) return { type, id };
    const asSent = uuidFromBytes(id);
    return { type, id, uuid: { asSent, swapped: uuidByteSwapped(asSent) } };
  },
  write: ({ type, id }) => {
    const writer = new Writer(1 + id.length);
    writer.u8(type);
    writer.copy(id);
    return writer.bytes;
  },
  show: ({ type, id, uuid }) => (uuid ? `uuid ${uuid.asSent} (swapped ${uuid.swapped})` : `type ${type}, ${hex(id)}`),
};
