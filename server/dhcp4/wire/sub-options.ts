import { type Cursor, Writer } from './cursor.ts';
import { hex } from './shape.ts';

/** One code, length, value inside an option. */
export type SubOption = { readonly code: number; readonly bytes: Uint8Array };

const PAD = 0;
const END = 255;

/**
 * The sub-options that an option holds, in order; repeats stay apart. One whose length passes the end is left out with
 * all that follows it: what came before is still good.
 *
 * `padAndEnd`: options 43 and 175 use codes 0 and 255 as the outer list does (RFC 2132 §8.4); in option 82 they are
 * codes like any other (RFC 3046 §2.0).
 */
export function readSubOptions(cursor: Cursor, { padAndEnd }: { readonly padAndEnd: boolean }): readonly SubOption[] {
  const subs: SubOption[] = [];
  while (cursor.left > 0) {
    const code = cursor.u8();
    if (padAndEnd && code === PAD) continue;
    if (padAndEnd && code === END) break;
    if (cursor.left === 0) break;
    const length = cursor.u8();
    if (length > cursor.left) break;
    subs.push({ code, bytes: cursor.bytes(length) });
  }
  return subs;
}

/** A value over 255 bytes is a bug here, since sub-options cannot be continued. */
export function writeSubOptions(subs: readonly SubOption[], { end }: { readonly end: boolean }): Uint8Array {
  const writer = new Writer(subs.reduce((sum, sub) => sum + 2 + sub.bytes.length, end ? 1 : 0));
  for (const { code, bytes } of subs) {
    writer.u8(code);
    writer.u8(bytes.length);
    writer.copy(bytes);
  }
  if (end) writer.u8(END);
  return writer.bytes;
}

export const showSubOptions = (subs: readonly SubOption[]): string =>
  subs.map(({ code, bytes }) => `${code}=[${hex(bytes)}]`).join(' ');
