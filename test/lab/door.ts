import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Lab } from './lab.ts';

const PROGRAM = fileURLToPath(new URL('door-program.ts', import.meta.url));

/** A way for a test, which is outside of the lab, to what listens on a lab's loopback. */
export type Door = AsyncDisposable & {
  /** `http://127.0.0.1:PORT`, here. */
  readonly url: string;
};

/**
 * Opens a way from a free port of this machine's loopback to a port of the server namespace's. A Unix socket leads from
 * one to the other, since files are seen in both. Whoever opens it disposes of it, at the latest with the lab.
 */
export async function openDoor(lab: Lab, port: number): Promise<Door> {
  const socket = join(lab.folder, `door-${port}-${process.hrtime.bigint()}`);
  const program = lab.start([process.execPath, PROGRAM, socket, String(port)], { name: 'door' });
  await program.waitForOutput(/^open$/m, 20_000);
  const sockets = new Set<Socket>();
  const server = createServer((outer) => {
    const inner = connect(socket);
    for (const one of [outer, inner]) {
      sockets.add(one);
      one.once('close', () => sockets.delete(one));
    }
    outer.pipe(inner).pipe(outer);
    outer.on('error', () => inner.destroy());
    inner.on('error', () => outer.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const one of sockets) one.destroy();
      await program.stop();
    },
  };
}
