import type { Ipv4 } from '#machines/values/ip-address.ts';
import { Cursor, Malformed, textBytes, Writer } from './cursor.ts';
import { quoted } from './shape.ts';
import { readSubOptions, showSubOptions, type SubOption, writeSubOptions } from './sub-options.ts';

/**
 * What option 43 means when option 60 begins with `PXEClient` (Intel PXE 2.1 §2.2.3). For any other vendor class the
 * same bytes mean something else, so nothing here is asked before the class is known.
 */
export type PxeOptions = {
  /** 6. Bit 0 no broadcast, 1 no multicast, 2 only servers of 8, 3 no prompt, menu or discovery: load the boot file. */
  readonly discoveryControl?: number | undefined;
  /** 8. With bit 3 set, EDK2 takes the TFTP server from the first entry. */
  readonly bootServers?: readonly BootServer[] | undefined;
  /** 10. 0 s: pick the first item at once. 255: wait for ever. */
  readonly prompt?: { readonly timeoutSeconds: number; readonly text: string } | undefined;
  /** 9. Type 0 boots from the local disk. Raspberry Pi ROMs look for `Raspberry Pi Boot` here. */
  readonly bootMenu?: readonly MenuItem[] | undefined;
  /** 71. In a request to a boot server; echoed in its answer. Bit 15 of the layer asks for credentials. */
  readonly bootItem?: { readonly type: number; readonly layer: number } | undefined;
  /** All other sub-options, as bytes. */
  readonly others?: readonly SubOption[] | undefined;
};

export type BootServer = { readonly type: number; readonly ips: readonly Ipv4[] };
export type MenuItem = { readonly type: number; readonly text: string };

/** A boot menu is a list in one sub-option of 255 bytes; nothing in it can be longer. */
const NAMED = new Set([6, 8, 9, 10, 71]);

/** A sub-option that cannot be read is missing from the result, the others are not. */
export function readPxeOptions(vendorInformation: Uint8Array): PxeOptions {
  const subs = readSubOptions(new Cursor(vendorInformation), { padAndEnd: true });
  const find = <T>(code: number, read: (cursor: Cursor) => T): T | undefined => {
    const sub = subs.find((one) => one.code === code);
    return sub && readWhole(sub.bytes, read);
  };
  return {
    discoveryControl: find(6, (cursor) => cursor.u8()),
    bootServers: find(8, listOf(readBootServer)),
    prompt: find(10, (cursor) => ({ timeoutSeconds: cursor.u8(), text: cursor.text(cursor.left) })),
    bootMenu: find(
      9,
      listOf((cursor) => ({ type: cursor.u16(), text: cursor.text(cursor.u8()) })),
    ),
    bootItem: find(71, (cursor) => ({ type: cursor.u16(), layer: cursor.u16() })),
    others: subs.filter(({ code }) => !NAMED.has(code)),
  };
}

function readBootServer(cursor: Cursor): BootServer {
  const type = cursor.u16();
  return { type, ips: Array.from({ length: cursor.u8() }, () => cursor.ip()) };
}

const listOf =
  <T>(read: (cursor: Cursor) => T) =>
  (cursor: Cursor): readonly T[] => {
    const list: T[] = [];
    while (cursor.left > 0) list.push(read(cursor));
    return list;
  };

function readWhole<T>(bytes: Uint8Array, read: (cursor: Cursor) => T): T | undefined {
  const cursor = new Cursor(bytes);
  try {
    const value = read(cursor);
    return cursor.left === 0 ? value : undefined;
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** With END: without it some ROMs read on past the option. Throws RangeError when a part passes 255 bytes. */
export function writePxeOptions(options: PxeOptions): Uint8Array {
  const { discoveryControl, bootServers, prompt, bootMenu, bootItem, others } = options;
  const subs: SubOption[] = [];
  const add = (code: number, length: number, fill: (writer: Writer) => void) => {
    const writer = new Writer(length);
    fill(writer);
    subs.push({ code, bytes: writer.bytes });
  };
  if (discoveryControl !== undefined) add(6, 1, (writer) => writer.u8(discoveryControl));
  if (bootServers) {
    add(
      8,
      bootServers.reduce((sum, { ips }) => sum + 3 + 4 * ips.length, 0),
      (writer) => {
        for (const { type, ips } of bootServers) {
          writer.u16(type);
          writer.u8(ips.length);
          for (const ip of ips) writer.ip(ip);
        }
      },
    );
  }
  if (prompt) {
    const text = textBytes(prompt.text);
    add(10, 1 + text.length, (writer) => {
      writer.u8(prompt.timeoutSeconds);
      writer.copy(text);
    });
  }
  if (bootMenu) {
    const items = bootMenu.map(({ type, text }) => ({ type, text: textBytes(text) }));
    add(
      9,
      items.reduce((sum, { text }) => sum + 3 + text.length, 0),
      (writer) => {
        for (const { type, text } of items) {
          writer.u16(type);
          writer.u8(text.length);
          writer.copy(text);
        }
      },
    );
  }
  if (bootItem) {
    add(71, 4, (writer) => {
      writer.u16(bootItem.type);
      writer.u16(bootItem.layer);
    });
  }
  return writeSubOptions([...subs, ...(others ?? [])], { end: true });
}

export function showPxeOptions(options: PxeOptions): string {
  const { discoveryControl, bootServers, prompt, bootMenu, bootItem, others } = options;
  const parts: string[] = [];
  if (discoveryControl !== undefined) parts.push(`discovery control ${discoveryControl}`);
  for (const { type, ips } of bootServers ?? []) parts.push(`boot server ${type} at ${ips.join(', ')}`);
  if (prompt) parts.push(`prompt ${quoted(prompt.text)} for ${prompt.timeoutSeconds} s`);
  for (const { type, text } of bootMenu ?? []) parts.push(`menu item ${type} ${quoted(text)}`);
  if (bootItem) parts.push(`boot item ${bootItem.type} layer ${bootItem.layer}`);
  if (others && others.length > 0) parts.push(showSubOptions(others));
  return parts.join('; ');
}
