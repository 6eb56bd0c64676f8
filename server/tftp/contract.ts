import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import type { MappedName } from './decide/lookup.ts';
import type { SenderStage, SenderTimes } from './decide/sender.ts';

export type Endpoint = { readonly address: IpAddress; readonly port: number };

/** Where the server finds files. A name that is not to be had is `refused`, never an exception. */
export type TftpFiles = {
  open(request: TftpFileRequest): Promise<TftpFile | TftpRefusal> | TftpFile | TftpRefusal;
};

export type TftpFileRequest = {
  /** Normalised: relative, slashes, no `..`. */
  readonly name: string;
  readonly mapped: MappedName;
  readonly peer: Endpoint;
  /** The address that was asked. */
  readonly local: Endpoint;
};

export type TftpFile = {
  readonly kind: 'file';
  /** Bytes; what `content` holds, all through the transfer. */
  readonly size: number;
  /**
   * The whole file, shared between transfers and never changed; or a read at an offset, which gives exactly `length`
   * bytes, or rejects.
   */
  readonly content: Uint8Array | ((offset: number, length: number) => Promise<Uint8Array>);
  /** Called once, when the transfer has ended. */
  close(): void;
};

export type TftpRefusal = {
  readonly kind: 'refused';
  /** The code of the ERROR packet: 1 not found, 2 not allowed, 0 could not look. */
  readonly code: number;
  readonly because: string;
};

/** Who asked for what. `mac` only where the name carried it. */
export type TftpParty = {
  readonly peer: Endpoint;
  readonly local: Endpoint;
  readonly name: string;
  readonly mac?: MacAddress;
};

/** What happened, for trace and log. `bytes` are those acknowledged; `ms` counts from the request. */
export type TftpEvent =
  | (TftpParty & { readonly kind: 'asked'; readonly mapped: MappedName; readonly options: string })
  | (TftpParty & {
      readonly kind: 'sent';
      readonly bytes: number;
      readonly ms: number;
      /** Packets sent again. */
      readonly retransmits: number;
      readonly blksize: number;
      readonly windowsize: number;
    })
  | (TftpParty & {
      readonly kind: 'aborted-by-client';
      readonly code: number;
      readonly text: string;
      /** It only looked (size or existence): nothing is wrong. */
      readonly probe: boolean;
      readonly bytes: number;
    })
  | (TftpParty & {
      readonly kind: 'timed-out';
      readonly stage: SenderStage;
      readonly bytes: number;
      readonly size: number;
      readonly ms: number;
    })
  | (TftpParty & { readonly kind: 'refused'; readonly code: number; readonly because: string })
  /** Our own fault: the file could not be read on, a socket could not be had, or a bug, named by its error. */
  | (TftpParty & { readonly kind: 'failed'; readonly because: string; readonly error?: unknown })
  /** Not answered at all. */
  | { readonly kind: 'dropped'; readonly peer: Endpoint; readonly local: Endpoint; readonly because: string }
  /** An address of this machine came. */
  | { readonly kind: 'listening'; readonly local: Endpoint; readonly because: string }
  /** An address went, or could not be listened on. */
  | { readonly kind: 'not-listening'; readonly local: Endpoint; readonly because: string };

/** One of the first datagrams of a transfer, or an ERROR, as it came or went. `payload` is not to be kept, but copied. */
export type TftpDatagram = Pick<TftpParty, 'peer' | 'mac'> & {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly payload: Uint8Array;
};

export type TftpLimits = {
  /** Path MTU assumed for clients, unless the interface's own is smaller; it bounds the block size. */
  readonly mtu: number;
  readonly windowsize: number;
  readonly timeoutSeconds: number;
  readonly transfers: number;
  readonly transfersPerPeer: number;
  /** Requests per second from one address, and how many may come at once. */
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
  /** netascii is converted in memory, so only text of a sane size is. */
  readonly netasciiBytes: number;
  readonly times: SenderTimes;
};

export const TFTP_LIMITS: TftpLimits = {
  mtu: 1500,
  windowsize: 16,
  timeoutSeconds: 60,
  transfers: 1024,
  // A whole rack may stand behind one address (NAT, a router with a proxy).
  transfersPerPeer: 64,
  // GRUB and PXELINUX ask for some thirty absent names in a row.
  requestsPerSecond: 100,
  requestBurst: 400,
  netasciiBytes: 4 << 20,
  times: { firstTimeoutMs: 1000, longestTimeoutMs: 8000, firstRetries: 3, retries: 6, gapPatienceMs: 10 },
};
