import type { Ipv4 } from '#machines/values/ip-address.ts';
import { ipv4ToBytes } from '#machines/values/ip-address.ts';

/** From Linux' headers, equal on x86-64, arm64 and RISC-V. */
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2_000_000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_BROADCAST = 6;
const SO_RCVBUF = 8;
const SO_BINDTODEVICE = 25;
const SO_RCVBUFFORCE = 33;
const F_DUPFD_CLOEXEC = 1030;
/** Past what a supervisor numbers. */
const FIRST_OF_OURS = 3;

/**
 * A rack that is powered on at once asks at once: so much waits in the kernel until we come to it, which counts double
 * and holds some 2,500 packets. More would not help: who is answered after a second has asked again by then.
 */
export const RECEIVE_BUFFER_BYTES = 1 << 20;

/** Calls into libc, loaded once by whoever makes sockets bound to devices. */
export type DeviceSockets = {
  /**
   * A UDP socket bound to address and port, that hears and speaks on one interface only if one is named; its descriptor,
   * which belongs to the caller. Throws with the system's reason.
   */
  open(query: { readonly interface?: string; readonly address: Ipv4; readonly port: number }): number;
  /** Another descriptor of the same socket, which belongs to the caller: closing it closes nothing for others. */
  duplicate(fd: number): number;
};

export type DeviceSocketsResult =
  | { readonly kind: 'available'; readonly sockets: DeviceSockets }
  | { readonly kind: 'unavailable'; readonly because: string };

/**
 * Node's dgram knows no SO_BINDTODEVICE, so such a socket is made through libc (koffi, a foreign function interface whose
 * library comes in its npm package) and handed over as a descriptor. `unavailable` where there is no such library for
 * this system, or no Linux.
 */
export async function loadDeviceSockets(): Promise<DeviceSocketsResult> {
  if (process.platform !== 'linux') return { kind: 'unavailable', because: 'sockets bound to a device need Linux' };
  try {
    const { default: koffi } = await import('koffi');
    const libc = koffi.load('libc.so.6');
    const calls = {
      socket: libc.func('int socket(int, int, int)'),
      setsockopt: libc.func('int setsockopt(int, int, int, const void *, uint32_t)'),
      bind: libc.func('int bind(int, const void *, uint32_t)'),
      close: libc.func('int close(int)'),
      fcntl: libc.func('int fcntl(int, int, int)'),
    };
    const reason = (): string => {
      const number = koffi.errno();
      const name = Object.entries(koffi.os.errno).find(([, value]) => value === number)?.[0];
      return name ?? `error ${number}`;
    };
    return { kind: 'available', sockets: deviceSockets(calls, reason) };
  } catch (error) {
    return { kind: 'unavailable', because: error instanceof Error ? error.message : String(error) };
  }
}

type Call = (...args: readonly unknown[]) => unknown;
type Calls = { readonly [name in 'socket' | 'setsockopt' | 'bind' | 'close' | 'fcntl']: Call };

function deviceSockets({ socket, setsockopt, bind, close, fcntl }: Calls, reason: () => string): DeviceSockets {
  return {
    open({ interface: name, address, port }) {
      const fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) as number;
      if (fd < 0) throw new Error(`cannot make a UDP socket: ${reason()}`);
      const must = (what: string, result: unknown): void => {
        if (result === 0) return;
        const why = reason();
        close(fd);
        throw new Error(`cannot ${what}: ${why}${HINTS[why] ?? ''}`);
      };
      const set = (option: number, value: Uint8Array): unknown =>
        setsockopt(fd, SOL_SOCKET, option, value, value.length);
      must('set SO_REUSEADDR', set(SO_REUSEADDR, ON));
      must('set SO_BROADCAST', set(SO_BROADCAST, ON));
      // Past net.core.rmem_max, which is 208 KiB by default: less than 300 packets. That needs CAP_NET_ADMIN.
      if (set(SO_RCVBUFFORCE, BUFFER) !== 0) set(SO_RCVBUF, BUFFER);
      if (name !== undefined) {
        must(`bind a socket to interface ${name}`, set(SO_BINDTODEVICE, new TextEncoder().encode(`${name}\0`)));
      }
      const where = socketAddress(address, port);
      const on = name === undefined ? '' : ` on ${name}`;
      must(`bind UDP ${address} port ${port}${on}`, bind(fd, where, where.length));
      return fd;
    },
    duplicate(fd) {
      const other = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OF_OURS) as number;
      if (other < 0) throw new Error(`cannot use descriptor ${fd}: ${reason()}`);
      return other;
    },
  };
}

const HINTS: Readonly<Record<string, string>> = {
  ENODEV: ' (there is no such interface)',
  EACCES: ' (ports below 1024 need root or CAP_NET_BIND_SERVICE)',
  EPERM: ' (needs root or CAP_NET_RAW)',
  EADDRINUSE: ' (another program has this port)',
  EADDRNOTAVAIL: ' (it is no address of this machine)',
};

const ON = new Uint8Array(new Int32Array([1]).buffer);
const BUFFER = new Uint8Array(new Int32Array([RECEIVE_BUFFER_BYTES]).buffer);

/** struct sockaddr_in: the family in host order, port and address in network order. */
function socketAddress(address: Ipv4, port: number): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(new Uint8Array(new Uint16Array([AF_INET]).buffer));
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(ipv4ToBytes(address), 4);
  return bytes;
}
