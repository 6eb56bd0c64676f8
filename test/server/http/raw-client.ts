import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export type RawAnswer = {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
};

/** Sends bytes as they are and gives everything that came until the server closed. */
export async function sendRaw(port: number, request: string | Buffer): Promise<Buffer> {
  const socket = await open(port);
  // Not `end`: Node's server takes a half-closed connection for a client that has gone.
  socket.write(request);
  return await readAll(socket);
}

/** One request with these lines, on a connection of its own. */
export async function ask(
  port: number,
  line: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  const lines = Object.entries({ Host: 'x', Connection: 'close', ...headers }).map(
    ([key, value]) => `${key}: ${value}`,
  );
  return parseAnswer(await sendRaw(port, `${line} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`));
}

export async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

export async function readAll(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  // A server that refuses to read on resets the connection; what it said before counts.
  socket.on('error', () => {});
  await once(socket, 'close');
  return Buffer.concat(pieces);
}

export function parseAnswer(bytes: Buffer): RawAnswer {
  const end = bytes.indexOf('\r\n\r\n');
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  return {
    status: Number(first.split(' ')[1]),
    headers: new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    ),
    body: bytes.subarray(end + 4),
  };
}
