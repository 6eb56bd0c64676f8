import type { BmcHardware } from '../../hardware.ts';
import { COMPLETION, type Command, done, NET_FN, refused } from '../command.ts';
import { LEVEL } from '../sessions.ts';
import { word } from '../wire/byte-reader.ts';
import { encodeFru } from '../wire/fru.ts';

/** The machine itself; others (memory modules, supplies) are not told. */
const BUILT_IN = 0;
/** More does not fit in what IPMB carries; a client has to ask for less. */
const MOST_BYTES = 64;

function contentOf(hardware: BmcHardware): Uint8Array {
  return encodeFru({
    chassis: { part: '', serial: hardware.serial },
    board: {
      manufacturer: hardware.manufacturer,
      product: hardware.product,
      serial: hardware.boardSerial,
      part: '',
    },
    product: {
      manufacturer: hardware.manufacturer,
      name: hardware.product,
      part: '',
      version: '',
      serial: hardware.serial,
      assetTag: '',
    },
  });
}

/** IPMI v2.0 §34: what stands on the machine's labels. */
export const INVENTORY_COMMANDS: readonly Command[] = [
  {
    // Get FRU Inventory Area Info, §34.1: by bytes.
    netFn: NET_FN.storage,
    command: 0x10,
    level: LEVEL.user,
    bytes: 1,
    run: ([device], { board }) =>
      device === BUILT_IN ? done(...word(contentOf(board.hardware()).length), 0) : refused(COMPLETION.notThere),
  },
  {
    // Read FRU Data, §34.2.
    netFn: NET_FN.storage,
    command: 0x11,
    level: LEVEL.user,
    bytes: 4,
    run(data, { board }) {
      const [device, , , count = 0] = data;
      if (device !== BUILT_IN) return refused(COMPLETION.notThere);
      const offset = new DataView(data.buffer, data.byteOffset).getUint16(1, true);
      const content = contentOf(board.hardware());
      if (offset >= content.length) return refused(COMPLETION.range);
      if (count > MOST_BYTES) return refused(COMPLETION.tooMuch);
      const bytes = content.subarray(offset, offset + count);
      return done(bytes.length, ...bytes);
    },
  },
];
