import type { MacAddress } from '../values/mac-address.ts';
import type { IpAddress, Ipv4 } from '../values/ip-address.ts';

/**
 * What happened during a boot attempt, told by the part that saw it. A trace holds only what the daemon received or
 * sent itself: nothing is guessed here, guessing is the verdict's work.
 *
 * Text that a client claimed is kept as claimed, cut to 255 characters; whoever shows it escapes it for the place.
 */
export type TraceBody =
  /** A DHCP packet of a netboot client, or of a registered MAC. */
  | {
      readonly kind: 'dhcp-received';
      readonly message: 'DISCOVER' | 'REQUEST' | 'DECLINE' | 'RELEASE' | 'INFORM';
      readonly xid: number;
      /** The port it came to. */
      readonly port: number;
      readonly client: DhcpClient;
      readonly secs: number;
      readonly ciaddr?: Ipv4;
      readonly requestedAddress?: Ipv4;
      /** Option 54 of a REQUEST: whose offer the client takes. */
      readonly serverId?: Ipv4;
      readonly relay?: { readonly giaddr: Ipv4; readonly circuitId?: string };
      readonly interface?: string;
    }
  | {
      readonly kind: 'dhcp-answered';
      readonly message: 'OFFER' | 'ACK' | 'NAK';
      readonly xid: number;
      readonly proxy: boolean;
      readonly yiaddr?: Ipv4;
      readonly serverId: Ipv4;
      readonly bootFile?: string;
      readonly to: string;
      readonly because: string;
    }
  | { readonly kind: 'dhcp-silent'; readonly xid: number; readonly code: SilenceCode; readonly because: string }
  /** A client took, or was seen using, another server's offer. */
  | { readonly kind: 'other-dhcp'; readonly serverId: Ipv4 }
  | { readonly kind: 'tftp-asked'; readonly file: string; readonly options: string }
  | {
      readonly kind: 'tftp-sent';
      readonly file: string;
      readonly bytes: number;
      readonly ms: number;
      readonly resent: number;
    }
  /** EDK2 and BIOS ROMs ask once for the size and abort: `probe` is true and nothing is wrong. */
  | {
      readonly kind: 'tftp-aborted';
      readonly file: string;
      readonly probe: boolean;
      readonly bytes: number;
      readonly text: string;
    }
  | {
      readonly kind: 'tftp-timeout';
      readonly file: string;
      readonly bytes: number;
      readonly size: number;
      readonly ms: number;
    }
  | { readonly kind: 'tftp-refused'; readonly file: string; readonly because: string }
  /** A download has begun; its `http-sent` comes when it has ended, which may be minutes later. */
  | { readonly kind: 'http-asked'; readonly path: string; readonly role: HttpRole }
  | {
      readonly kind: 'http-sent';
      readonly method: 'GET' | 'HEAD';
      readonly path: string;
      readonly role: HttpRole;
      readonly status: number;
      readonly bytes: number;
      /** Bytes of the whole answer; less were sent when the client went away. */
      readonly size: number;
      readonly ms: number;
      readonly userAgent?: string;
      /** Why not, where nothing was served: `no grant`, `the image has no kernel`. */
      readonly because?: string;
    }
  | {
      readonly kind: 'script-rendered';
      readonly situation: ScriptSituation;
      readonly because: string;
      readonly bytes: number;
      /** How many initrds the script names; absent where the script is not ours to know. */
      readonly initrds?: number;
    }
  | { readonly kind: 'grant-spent'; readonly grant: string }
  /** A line by syslog, by the JSON-lines receiver, from iPXE; or of the agent and the kernel that it runs on; of the serial console. */
  | {
      readonly kind: 'log';
      readonly source: 'syslog' | 'json' | 'ipxe' | 'kernel' | 'agent' | 'console';
      readonly severity: number;
      readonly text: string;
    }
  /** A DHCP packet of the machine that is not of a netboot client: an operating system asks for its address. */
  | { readonly kind: 'os-dhcp'; readonly vendorClass?: string; readonly hostname?: string }
  /** The key of this attempt to the machine plane: `taken` by its machine, `refused` to somebody, or `voided` for good. */
  | {
      readonly kind: 'boot-token';
      readonly act: 'taken' | 'refused' | 'voided';
      readonly because: string;
    }
  /** The running system called back. */
  | { readonly kind: 'reported'; readonly by: 'agent' | 'phone-home'; readonly text: string }
  /** Events of this trace that were dropped because a bound was reached. */
  | { readonly kind: 'dropped'; readonly count: number; readonly because: string };

export type HttpRole = 'loader' | 'script' | 'kernel' | 'initrd' | 'efi' | 'other';

/** One file each under templates/ipxe/. */
export type ScriptSituation = 'kernel' | 'agent' | 'disk' | 'hold' | 'menu' | 'rescue' | 'chain' | 'script' | 'stop';

/** What the DHCP client says it is. */
export type DhcpClient = {
  readonly kind: 'pxe' | 'http' | 'ipxe' | 'raspberry-pi' | 'u-boot' | 'os';
  /** Option 93, first known. */
  readonly archCode?: number;
  readonly vendorClass?: string;
  readonly userClass?: string;
  /** iPXE: can it fetch over HTTP? */
  readonly http?: boolean;
};

export type SilenceCode =
  | 'no-boot-file' // proxy mode: this machine is not to be netbooted
  | 'not-a-netboot-client'
  | 'not-accepted'
  | 'rejected'
  | 'other-server' // the REQUEST names another server
  | 'unknown-subnet' // giaddr or interface matches no subnet
  | 'relay-without-82' // configured relay that used to insert 82, or the only thing that told subnets apart
  | 'pool-exhausted'
  | 'no-lease' // INIT-REBOOT or RENEW of a client without record, and we are not authoritative
  | 'address-taken' // the reserved address is held by another client
  | 'wrong-arch' // no loader can exist for what the client says it is
  | 'loader-missing'
  | 'loop' // too many boots of the same kind in a window
  | 'another-ingot'
  | 'ignored' // BOOTP, RELEASE, DECLINE: nothing to answer by the RFC
  | 'limit';

/** An event as stored: `seq` counts within the attempt, from 1. */
export type TraceEvent = { readonly seq: number; readonly at: number } & TraceBody;

/** How far an attempt came, in order. */
export const STAGES = ['dhcp', 'loader', 'script', 'kernel', 'initrd', 'running'] as const;
export type Stage = (typeof STAGES)[number];

export const VERDICT_CODES = [
  'other-dhcp-won',
  'offer-ignored',
  'no-tftp',
  'tftp-stalled',
  'wrong-arch',
  'loader-missing',
  'loader-no-return',
  'no-script',
  'not-accepted',
  'kernel-missing',
  'no-initrd',
  'silent-after-kernel',
  'boot-loop',
  'token-abused',
  'pool-exhausted',
  'address-conflict',
  'relay-82-lost',
  'wrong-subnet',
  'http-boot-refused',
  'secure-boot',
  'stp-delay',
  'in-progress',
  'booted',
] as const;
export type VerdictCode = (typeof VERDICT_CODES)[number];

/** What probably happened, and what to try next, in plain words. */
export type Verdict = {
  readonly code: VerdictCode;
  readonly stage: Stage;
  readonly cause: string;
  readonly next: string;
};

/** One try to boot, from the first packet to a result. Its id is 22 base64url characters of 128 random bits. */
export type Attempt = {
  readonly id: string;
  /** Absent for a MAC that is not (yet) a machine of ours. */
  readonly machine?: string;
  readonly mac?: MacAddress;
  readonly address?: IpAddress;
  readonly site: string;
  readonly startedAt: number;
  readonly lastAt: number;
  readonly endedAt?: number;
  readonly stage: Stage;
  readonly verdict: Verdict;
  readonly events: number;
};
