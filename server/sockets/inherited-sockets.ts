/** A socket that a supervisor opened for us. */
export type InheritedSocket = { readonly fd: number; readonly name: string };

const FIRST_FD = 3;

/**
 * The protocol of sd_listen_fds(3): descriptors from 3 on, meant for this process only, with the names that the socket
 * units give by `FileDescriptorName=`. A DHCP socket is named after its interface; the unit has `BindToDevice=` and
 * `Broadcast=true`. `tftp.eth1` is one for TFTP, bound to the device likewise. `boot`, `machine`, `agents` and `api` are
 * listening TCP sockets.
 */
export function inheritedSockets(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): readonly InheritedSocket[] {
  const count = Number(env['LISTEN_FDS']);
  if (Number(env['LISTEN_PID']) !== pid || !Number.isInteger(count) || count < 1 || count > 1024) return [];
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':');
  return Array.from({ length: count }, (_, index) => ({ fd: FIRST_FD + index, name: names[index] ?? '' }));
}

const TCP_NAMES = ['boot', 'machine', 'agents', 'api'] as const;
const TFTP_PREFIX = 'tftp.';

/** What was inherited, by whose it is. */
export type Inheritance = {
  readonly tcp: { readonly [name in (typeof TCP_NAMES)[number]]?: { readonly fd: number } };
  /** Named after the interface that each is bound to. */
  readonly tftp: readonly InheritedSocket[];
  readonly dhcp: readonly InheritedSocket[];
};

export const NOTHING_INHERITED: Inheritance = { tcp: {}, tftp: [], dhcp: [] };

export function inheritanceOf(sockets: readonly InheritedSocket[]): Inheritance {
  const isTcp = ({ name }: InheritedSocket): boolean => TCP_NAMES.some((one) => one === name);
  const isTftp = ({ name }: InheritedSocket): boolean => name.startsWith(TFTP_PREFIX);
  return {
    tcp: Object.fromEntries(sockets.filter(isTcp).map(({ name, fd }) => [name, { fd }])),
    tftp: sockets.filter(isTftp).map(({ name, fd }) => ({ fd, name: name.slice(TFTP_PREFIX.length) })),
    dhcp: sockets.filter((one) => !isTcp(one) && !isTftp(one)),
  };
}
