import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

/** How often, from 0 to 1, a datagram is lost, doubled, or held back until the next one has passed. */
export type Weather = { readonly loss: number; readonly duplication: number; readonly reordering: number };

/**
 * A UDP relay in front of a TFTP server that loses, doubles and reorders datagrams of both directions, the same for
 * each seed. Clients speak to its port as if it were the server's; each transfer gets a port of its own, as the
 * server's do. Closed with the test.
 */
export async function lossyRelay(
  t: TestContext,
  { serverPort, seed, weather }: { readonly serverPort: number; readonly seed: number; readonly weather: Weather },
): Promise<{ readonly port: number; readonly lost: () => number }> {
  const random = seededRandom(seed);
  const sockets: Socket[] = [];
  let lost = 0;

  async function open(): Promise<Socket> {
    const socket = createSocket('udp4');
    sockets.push(socket);
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return socket;
  }

  /** One direction of one transfer. */
  function road(deliver: (bytes: Uint8Array) => void) {
    let held: Uint8Array | undefined;
    let release: NodeJS.Timeout | undefined;
    const letGo = () => {
      clearTimeout(release);
      const bytes = held;
      held = undefined;
      if (bytes) deliver(bytes);
    };
    t.after(() => clearTimeout(release));
    return (bytes: Uint8Array) => {
      if (random() < weather.loss) {
        lost++;
        return;
      }
      if (!held && random() < weather.reordering) {
        held = bytes;
        // Where no other datagram follows, it is late rather than behind.
        release = setTimeout(letGo, 10);
        return;
      }
      deliver(bytes);
      if (random() < weather.duplication) deliver(bytes);
      letGo();
    };
  }

  const front = await open();
  const transfers = new Map<number, Promise<(request: Uint8Array) => void>>();

  async function transfer(clientPort: number): Promise<(request: Uint8Array) => void> {
    const [toServer, toClient] = [await open(), await open()];
    let transferPort = serverPort;
    const up = road((bytes) => toServer.send(bytes, transferPort, '127.0.0.1'));
    const down = road((bytes) => toClient.send(bytes, clientPort, '127.0.0.1'));
    toServer.on('message', (bytes, from) => {
      transferPort = from.port;
      down(bytes);
    });
    toClient.on('message', (bytes) => up(bytes));
    return (request) => {
      if (transferPort === serverPort) up(request);
    };
  }

  front.on('message', (bytes, from) => {
    const known = transfers.get(from.port) ?? transfer(from.port);
    transfers.set(from.port, known);
    void known.then((up) => up(bytes));
  });
  t.after(() => {
    for (const socket of sockets) socket.close();
  });
  return { port: front.address().port, lost: () => lost };
}

/** Mulberry32: numbers from 0 to 1, the same for each seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
