import type { Parsed } from '../../../../values/parsed.ts';
import { concat, readAll } from './byte-reader.ts';

/** Serial over LAN, IPMI v2.0 tables 15-2 and 15-3. */
export type SolPacket = {
  /** 1 to 15; 0 holds no characters, and is not acknowledged. */
  readonly sequence: number;
  /** Which packet of the other side this is about; 0: none. */
  readonly acknowledges: number;
  /** How many of its characters were taken. */
  readonly accepted: number;
  /** From a console: what it wants done. From a BMC: how it is. */
  readonly bits: number;
  readonly characters: Uint8Array;
};

export const SOL_FROM_CONSOLE = { nack: 0x40, flushOutbound: 0x01 } as const;
export const SOL_FROM_BMC = { nack: 0x40, deactivating: 0x10, overrun: 0x08 } as const;

export function decodeSol(payload: Uint8Array): Parsed<SolPacket> {
  return readAll(payload, (from) => ({
    sequence: from.byte() & 0x0f,
    acknowledges: from.byte() & 0x0f,
    accepted: from.byte(),
    bits: from.byte(),
    characters: from.take(from.left()),
  }));
}

export function encodeSol({ sequence, acknowledges, accepted, bits, characters }: SolPacket): Uint8Array {
  return concat([sequence, acknowledges, accepted, bits], characters);
}
