/** A socket that a supervisor opened for us. */
export type InheritedSocket = { readonly fd: number; readonly name: string };

const FIRST_FD = 3;

/**
 * The protocol of sd_listen_fds(3): descriptors from 3 on, meant for this process only, with the names that the socket
 * units give by `FileDescriptorName=`. A DHCP socket is named after its interface; the unit has `BindToDevice=` and
 * `Broadcast=true`.
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
