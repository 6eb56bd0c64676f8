/** From Linux' headers, equal on x86-64, arm64 and RISC-V. */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2_000_000;
const MSG_NOSIGNAL = 0x4000;
/** Of sun_path in struct sockaddr_un. */
const PATH_BYTES = 108;

export type UnixDatagrams = {
  /** One datagram; `@` begins a name without a file. Tells whether it was taken. */
  send(path: string, text: string): boolean;
};

/** Node has no datagram sockets in the file system, so libc's are called (koffi). Nothing where there is no way to them. */
export async function loadUnixDatagrams(): Promise<UnixDatagrams | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    const { default: koffi } = await import('koffi');
    const libc = koffi.load('libc.so.6');
    const socket = libc.func('int socket(int, int, int)');
    const sendto = libc.func('intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)');
    const close = libc.func('int close(int)');
    return {
      send(path, text) {
        const where = socketAddress(path);
        if (!where) return false;
        const fd: unknown = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (typeof fd !== 'number' || fd < 0) return false;
        const bytes = new TextEncoder().encode(text);
        const sent: unknown = sendto(fd, bytes, bytes.length, MSG_NOSIGNAL, where, where.length);
        close(fd);
        return sent === bytes.length;
      },
    };
  } catch {
    return undefined;
  }
}

/** struct sockaddr_un: the family in host order, then the path; a name without a file begins with NUL. */
function socketAddress(path: string): Uint8Array | undefined {
  const name = new TextEncoder().encode(path.replace(/^@/, '\0'));
  if (name.length === 0 || name.length >= PATH_BYTES) return undefined;
  const bytes = new Uint8Array(2 + name.length + (name[0] === 0 ? 0 : 1));
  bytes.set(new Uint8Array(new Uint16Array([AF_UNIX]).buffer));
  bytes.set(name, 2);
  return bytes;
}
