import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Nothing else of ours listens there. */
const PORT = 50_999;

/**
 * A network of loopback, as `127.90.231`, that no other run of tests on this machine has until it is disposed: machines
 * of Talos have one port, so that two runs with the same addresses would talk to each other's.
 */
export async function loopbackNetwork(
  candidates: Iterable<string>,
): Promise<AsyncDisposable & { readonly network: string }> {
  for (const network of candidates) {
    const server = await held(`${network}.254`);
    if (!server) continue;
    return {
      network,
      async [Symbol.asyncDispose]() {
        server.close();
        await once(server, 'close');
      },
    };
  }
  throw new Error('every network of loopback is taken by another run');
}

async function held(address: string): Promise<Server | undefined> {
  const server = createServer().listen({ port: PORT, host: address, exclusive: true });
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined;
    throw error;
  }
}
