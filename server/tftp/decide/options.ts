import type { TftpOption } from '../wire/packet.ts';

/** Upper bounds of what we grant. */
export type OptionCaps = {
  /** Bytes of file in one DATA packet. */
  readonly blksize: number;
  /** Blocks sent before an ACK is awaited. */
  readonly windowsize: number;
  /** Longest retransmission time that a client may choose, in seconds. */
  readonly timeoutSeconds: number;
};

export type Negotiated = {
  /** What the OACK lists, in the order asked. Empty: no OACK, the first DATA packet is the answer. */
  readonly oack: readonly TftpOption[];
  readonly blksize: number;
  readonly windowsize: number;
  /** Absent unless the client chose one. */
  readonly timeoutSeconds?: number;
  /** The client wanted the size: it may end the transfer once it knows it. */
  readonly askedSize: boolean;
};

/** RFC 1350 §2: the block size without the option. */
const DEFAULT_BLKSIZE = 512;

/** Bytes around the file's bytes in one datagram: IP and UDP headers and TFTP's own four. */
const OVERHEAD = { IPv4: 20 + 8 + 4, IPv6: 40 + 8 + 4 } as const;

/** The largest block that is not fragmented: most boot ROMs drop fragments. */
export function blksizeForMtu(mtu: number, family: 'IPv4' | 'IPv6'): number {
  return Math.min(65464, Math.max(8, mtu - OVERHEAD[family]));
}

/**
 * RFC 2347 to 2349 and 7440. Only what was asked is answered: EDK2 ends the transfer with ERROR 4 on an option that it
 * did not ask for, on a larger blksize or windowsize than asked, and on a changed timeout. Unknown options, repeated
 * ones and values out of range are passed over, never refused: the file matters more than the option.
 *
 * `size` is in bytes, undefined when it cannot be told (netascii).
 */
export function negotiateOptions({
  options,
  size,
  caps,
}: {
  readonly options: readonly TftpOption[];
  readonly size: number | undefined;
  readonly caps: OptionCaps;
}): Negotiated {
  const oack: TftpOption[] = [];
  const seen = new Set<string>();
  let blksize = DEFAULT_BLKSIZE;
  let windowsize = 1;
  let timeoutSeconds: number | undefined;
  let askedSize = false;
  for (const option of options) {
    const name = option.name.toLowerCase();
    const asked = decimal(option.value);
    if (asked === undefined || seen.has(name)) continue;
    seen.add(name);
    let granted: number | undefined;
    if (name === 'blksize' && asked >= 8 && asked <= 65464) granted = blksize = Math.min(asked, caps.blksize);
    else if (name === 'windowsize' && asked >= 1 && asked <= 65535)
      granted = windowsize = Math.min(asked, caps.windowsize);
    else if (name === 'timeout' && asked >= 1 && asked <= caps.timeoutSeconds) granted = timeoutSeconds = asked;
    else if (name === 'tsize') {
      askedSize = true;
      // curl ends the transfer with "invalid tsize" when it is told 0, and an empty file could not be had.
      granted = size === 0 ? undefined : size;
    }
    if (granted !== undefined) oack.push({ name: option.name, value: String(granted) });
  }
  return { oack, blksize, windowsize, askedSize, ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }) };
}

function decimal(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
