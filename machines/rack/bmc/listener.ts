import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';

/** A BMC's HTTPS port. The TLS context is the caller's, and many BMCs share one. */
export type HttpsListener = AsyncDisposable & { readonly port: number };

/** Listens on `address`; `context` and `isDead` are asked for each connection. */
export async function listenHttps(options: {
  readonly address: string;
  readonly port: number;
  readonly http: HttpServer;
  readonly context: () => SecureContext;
  /** A connection is reset as soon as it is made. */
  readonly isDead: () => boolean;
}): Promise<HttpsListener> {
  const { address, port, http, context, isDead } = options;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    // Peers go as they please: what is lost with them is theirs.
    socket.on('error', () => {});
    if (isDead()) {
      socket.resetAndDestroy();
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const secure = new TLSSocket(socket, { isServer: true, secureContext: context() });
    secure.on('error', () => socket.destroy());
    http.emit('connection', secure);
  });
  server.listen(port, address);
  await once(server, 'listening');
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound ? bound.port : port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
