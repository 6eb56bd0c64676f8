import type { BmcHardware } from '../../hardware.ts';
import { COMPLETION, type Command, done, NET_FN, refused } from '../command.ts';
import { LEVEL } from '../sessions.ts';
import { concat, long, word } from '../wire/byte-reader.ts';
import { encodeFru } from '../wire/fru.ts';

/** The machine itself; others (memory modules, supplies) are not told. */
const BUILT_IN = 0;
/** Management Controller Device Locator, IPMI v2.0 table 43-10: the one sensor data record that there is. */
const BMC_LOCATOR = locator('BMC');
/** More does not fit in what IPMB carries; a client has to ask for less. */
const MOST_BYTES = 64;

function locator(name: string): Uint8Array {
  const text = new TextEncoder().encode(name);
  const systemBoard = [0x07, 0x01];
  // At 20h on channel 0; has events and an inventory.
  const body = concat([0x20, 0, 0, 0x0c, 0, 0, 0], systemBoard, [0, 0xc0 | text.length], text);
  return concat(word(1), [0x51, 0x12, body.length], body);
}

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

/** IPMI v2.0 §33 and §34: the BMC, without sensors, and what stands on the machine's labels. */
export const INVENTORY_COMMANDS: readonly Command[] = [
  {
    // Get SDR Repository Info, §33.9.
    netFn: NET_FN.storage,
    command: 0x20,
    level: LEVEL.user,
    bytes: 0,
    run: () => done(0x51, ...word(1), ...word(0), ...long(0), ...long(0), 0x02),
  },
  // Reserve SDR Repository, §33.11: nothing ever changes it.
  { netFn: NET_FN.storage, command: 0x22, level: LEVEL.user, bytes: 0, run: () => done(...word(1)) },
  {
    // Get SDR, §33.12.
    netFn: NET_FN.storage,
    command: 0x23,
    level: LEVEL.user,
    bytes: 6,
    run(data) {
      const id = new DataView(data.buffer, data.byteOffset).getUint16(2, true);
      const [, , , , offset = 0, count = 0] = data;
      if (id > 1 && id !== 0xffff) return refused(COMPLETION.notThere);
      return done(...word(0xffff), ...BMC_LOCATOR.subarray(offset, offset + count));
    },
  },
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
