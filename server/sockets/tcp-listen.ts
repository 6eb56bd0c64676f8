import type { Listen } from '../config/config.ts';

/** Where a server listens, as Node takes it: a descriptor goes before address and port. */
export const tcpListen = ({ address, port, fd }: Listen): { readonly host: string; readonly port: number } => ({
  host: address,
  port,
  ...(fd === undefined ? {} : { fd }),
});
