import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { BmcError } from '../contract.ts';
import { RMCP_PORT } from './wire/rmcp.ts';

export type IpmiAddress = { readonly host: string; readonly port: number };

/** `10.0.0.12`, `10.0.0.12:623`, `2001:db8::12`, `[2001:db8::12]:623` or a name. Throws a `BmcError` of code `refused`. */
export function ipmiAddress(text: string): IpmiAddress {
  const wrong = () => new BmcError('refused', `got ${JSON.stringify(text)}, want an address such as 10.0.0.12:623`);
  if (isIPv6(text)) return { host: text, port: RMCP_PORT };
  const match =
    /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?))(?::(?<port>\d{1,5}))?$/i.exec(text);
  const { v6, name, port: digits = String(RMCP_PORT) } = match?.groups ?? {};
  const host = v6 ?? name;
  const port = Number(digits);
  if (host === undefined || (v6 !== undefined && !isIPv6(v6)) || port < 1 || port > 65_535) throw wrong();
  return { host, port };
}

type Listener = { readonly give: (datagram: Uint8Array) => void; readonly fail: (error: BmcError) => void };

/** A UDP socket that knows one peer only: datagrams of others do not come in. */
export type UdpLink = AsyncDisposable & {
  readonly address: IpmiAddress;
  send(datagram: Uint8Array): void;
  /** Until it is called off. `fail`: the peer's host says that nobody listens there, or there is no way to it. */
  listen(give: (datagram: Uint8Array) => void, fail: (error: BmcError) => void): () => void;
};

/** Rejects with a `BmcError` of code `unreachable` where the address leads nowhere. */
export async function openLink(address: IpmiAddress, signal: AbortSignal): Promise<UdpLink> {
  signal.throwIfAborted();
  const { host, port } = address;
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  const listeners = new Set<Listener>();
  let isClosed = false;

  const failed = (cause: Error): void => {
    if (isClosed) return;
    const error = new BmcError('unreachable', `nothing at ${host}:${port} takes IPMI`, { cause });
    for (const listener of listeners) listener.fail(error);
  };

  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    listeners.clear();
    const closed = once(socket, 'close');
    socket.close();
    await closed;
  }

  try {
    socket.connect(port, host);
    await once(socket, 'connect', { signal });
  } catch (cause) {
    // A name that is being looked up goes on without us; its end must find somebody.
    socket.on('error', () => {});
    socket.close();
    signal.throwIfAborted();
    throw new BmcError('unreachable', `there is no way to ${host}:${port}`, { cause });
  }
  socket.on('error', failed);
  socket.on('message', (datagram: Uint8Array) => {
    for (const listener of listeners) listener.give(datagram);
  });

  return {
    address,
    send(datagram) {
      if (isClosed) return;
      socket.send(datagram, (error) => {
        if (error) failed(error);
      });
    },
    listen(give, fail) {
      const listener = { give, fail };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    [Symbol.asyncDispose]: close,
  };
}
