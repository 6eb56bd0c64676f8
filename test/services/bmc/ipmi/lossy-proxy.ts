import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** UDP on loopback, passed on to another port, with losses that are the same in every run. */
export type LossyProxy = AsyncDisposable & {
  readonly port: number;
  readonly counts: { passed: number; lost: number };
};

/** `isLost` is asked for every datagram of either direction, with its number from 0 on. */
export async function startLossyProxy(
  to: number,
  isLost: (number: number, direction: 'in' | 'out') => boolean,
): Promise<LossyProxy> {
  const front = createSocket('udp4');
  const backs = new Map<number, Socket>();
  const counts = { passed: 0, lost: 0 };
  const numbers = { in: 0, out: 0 };
  const passes = (direction: 'in' | 'out'): boolean => {
    const lost = isLost(numbers[direction]++, direction);
    counts[lost ? 'lost' : 'passed'] += 1;
    return !lost;
  };
  front.on('message', (datagram, { port }) => {
    let back = backs.get(port);
    if (!back) {
      back = createSocket('udp4');
      back.on('error', () => {});
      back.on('message', (answer) => {
        if (passes('out')) front.send(answer, port, '127.0.0.1');
      });
      backs.set(port, back);
    }
    if (passes('in')) back.send(datagram, to, '127.0.0.1');
  });
  front.bind(0, '127.0.0.1');
  await once(front, 'listening');
  return {
    port: front.address().port,
    counts,
    async [Symbol.asyncDispose]() {
      for (const socket of [front, ...backs.values()]) {
        const closed = once(socket, 'close');
        socket.close();
        await closed;
      }
    },
  };
}
