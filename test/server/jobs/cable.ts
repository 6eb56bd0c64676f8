import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { TALOS_PORT } from '#server/jobs/talos/reach.ts';

/** A way to the machine API of machines that can be cut in the middle of anything, and mended. */
export type Cable = {
  /** At the same addresses, so that certificates are for them. */
  readonly port: number;
  plug(addresses: readonly string[]): Promise<AsyncDisposable>;
  /** Connections end without a word, and nobody listens any more. */
  cut(): Promise<void>;
  mend(): Promise<void>;
};

export function openCable(port: number): Cable {
  const sockets = new Set<Socket>();
  const servers = new Map<string, ReturnType<typeof createServer>>();

  const listen = async (address: string): Promise<void> => {
    const server = createServer((near) => {
      const far = connect(TALOS_PORT, address);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(one);
        one.pipe(other);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          sockets.delete(one);
          other.destroy();
        });
      }
    });
    servers.set(address, server);
    server.listen(port, address);
    await once(server, 'listening');
  };
  const cut = async (): Promise<void> => {
    const closed = [...servers.values()].map(async (server) => {
      if (!server.listening) return;
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    });
    await Promise.all(closed);
  };
  return {
    port,
    async plug(addresses) {
      for (const address of addresses) await listen(address);
      return { [Symbol.asyncDispose]: cut };
    },
    cut,
    async mend() {
      for (const address of servers.keys()) await listen(address);
    },
  };
}
