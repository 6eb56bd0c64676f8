import type { Shape } from './shape.ts';

/** Option 94 (RFC 4578 §2.2): the network driver interface of the firmware; type 1 is UNDI. */
export type ClientInterface = { readonly type: number; readonly major: number; readonly minor: number };

export const clientInterface: Shape<ClientInterface> = {
  min: 3,
  max: 3,
  step: 1,
  read: (cursor) => ({ type: cursor.u8(), major: cursor.u8(), minor: cursor.u8() }),
  write: ({ type, major, minor }) => Uint8Array.of(type, major, minor),
  show: ({ type, major, minor }) => `${type === 1 ? 'UNDI' : `type ${type}`} ${major}.${minor}`,
};
