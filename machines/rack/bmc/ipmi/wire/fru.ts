import { concat } from './byte-reader.ts';

/** What stands on chassis, board and product. */
export type FruContent = {
  readonly chassis: { readonly part: string; readonly serial: string };
  readonly board: {
    readonly manufacturer: string;
    readonly product: string;
    readonly serial: string;
    readonly part: string;
  };
  readonly product: {
    readonly manufacturer: string;
    readonly name: string;
    readonly part: string;
    readonly version: string;
    readonly serial: string;
    readonly assetTag: string;
  };
};

const RACK_MOUNT = 0x17;
const ENGLISH = 0x00;
const END_OF_FIELDS = 0xc1;
const LATIN_1 = 0xc0;
const MAX_FIELD = 0x3f;

/** Platform Management FRU Information Storage Definition v1.0, §8 and §10 to §12. */
export function encodeFru({ chassis, board, product }: FruContent): Uint8Array {
  const areas = [
    area([RACK_MOUNT], [chassis.part, chassis.serial]),
    // No date of manufacture; between part number and end, the file's own id.
    area([ENGLISH, 0, 0, 0], [board.manufacturer, board.product, board.serial, board.part, '']),
    area(
      [ENGLISH],
      [product.manufacturer, product.name, product.part, product.version, product.serial, product.assetTag, ''],
    ),
  ];
  const offsets: number[] = [];
  let at = 1;
  for (const one of areas) {
    offsets.push(at);
    at += one.length / 8;
  }
  const header = [0x01, 0, ...offsets, 0, 0];
  return concat(header, [zeroSum(header)], ...areas);
}

function area(head: readonly number[], fields: readonly string[]): Uint8Array {
  const content = [...head, ...fields.flatMap(field), END_OF_FIELDS];
  // In units of eight bytes, with format, length and checksum.
  const units = Math.ceil((content.length + 3) / 8);
  const padded = new Uint8Array(units * 8 - 1);
  padded.set([0x01, units, ...content]);
  return concat(padded, [zeroSum([...padded])]);
}

function field(text: string): readonly number[] {
  // A single character would have the type and length of the end.
  const bytes = new TextEncoder().encode(text.length === 1 ? `${text} ` : text).subarray(0, MAX_FIELD);
  return [LATIN_1 | bytes.length, ...bytes];
}

function zeroSum(bytes: readonly number[]): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}
