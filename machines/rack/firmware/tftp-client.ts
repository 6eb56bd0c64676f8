import dgram from 'node:dgram';
import type { Ipv4 } from '#machines/values/ip-address.ts';
import { decodeTftp, encodeTftp, type TftpPacket } from '#server/tftp/wire/packet.ts';

export type TftpRead =
  | { readonly kind: 'read'; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly code: number; readonly text: string }
  | { readonly kind: 'silent' };

/** EDK2's own: five tries, three seconds apart; shorter here so that a fault shows while somebody looks. */
const TRIES = 5;
const RETRY_MS = 1000;

/**
 * Reads one file as firmware does: lock-step, `blksize` and `tsize`, the peer's port learned from its first packet.
 * `stallAfter` blocks it stops acknowledging, like a machine whose link died; with `resumes` it goes on at the first
 * block that is sent again.
 */
export async function tftpRead(request: {
  readonly local: Ipv4;
  readonly server: Ipv4;
  readonly port: number;
  readonly file: string;
  readonly blksize: number;
  /** Ask for the size and abort at once, as EDK2 does before the real transfer. */
  readonly probe: boolean;
  readonly stallAfter: number;
  readonly resumes?: boolean;
  readonly signal: AbortSignal;
}): Promise<TftpRead> {
  const { local, server, port, file, blksize, probe, stallAfter, resumes = false, signal } = request;
  const socket = dgram.createSocket('udp4');
  const { promise, resolve, reject } = Promise.withResolvers<TftpRead>();
  const chunks: Uint8Array[] = [];
  let expected = 1;
  let peer = port;
  let accepted = 512;
  let last: Uint8Array = new Uint8Array();
  let tries = 0;
  let timer: NodeJS.Timeout | undefined;
  let stalled = false;

  const send = (packet: TftpPacket): void => {
    last = encodeTftp(packet);
    tries = 0;
    transmit();
  };
  const transmit = (): void => {
    if (++tries > TRIES) return resolve({ kind: 'silent' });
    socket.send(last, peer, server, () => {});
    clearTimeout(timer);
    timer = setTimeout(transmit, RETRY_MS);
  };
  const heard = (packet: TftpPacket): void => {
    switch (packet.kind) {
      case 'OACK': {
        if (expected !== 1 || chunks.length > 0) return;
        if (probe) {
          socket.send(encodeTftp({ kind: 'ERROR', code: 8, text: 'User aborted the transfer' }), peer, server, () =>
            resolve({ kind: 'read', bytes: new Uint8Array() }),
          );
          return;
        }
        accepted = Number(packet.options.find(({ name }) => name.toLowerCase() === 'blksize')?.value ?? 512);
        return send({ kind: 'ACK', block: 0 });
      }
      case 'DATA': {
        if (packet.block !== (expected & 0xffff)) return;
        if (chunks.length >= stallAfter && (!resumes || !stalled)) {
          stalled = true;
          clearTimeout(timer);
          timer = setTimeout(() => resolve({ kind: 'silent' }), TRIES * RETRY_MS);
          return;
        }
        chunks.push(packet.data.slice());
        expected++;
        send({ kind: 'ACK', block: packet.block });
        if (packet.data.length < accepted) resolve({ kind: 'read', bytes: Buffer.concat(chunks) });
        return;
      }
      case 'ERROR':
        return resolve({ kind: 'refused', code: packet.code, text: packet.text });
      case 'RRQ':
      case 'WRQ':
      case 'ACK':
        return;
      default:
        return packet satisfies never;
    }
  };
  const stop = () => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    socket.on('error', reject);
    socket.on('message', (bytes, from) => {
      if (from.address !== server) return;
      if (peer === port) peer = from.port;
      if (from.port !== peer) return;
      const decoded = decodeTftp(bytes);
      if (decoded.kind === 'packet') heard(decoded.packet);
    });
    socket.bind(0, local, () => {
      const options = [
        { name: 'tsize', value: '0' },
        { name: 'blksize', value: String(blksize) },
      ];
      send({ kind: 'RRQ', filename: file, mode: 'octet', options });
    });
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    socket.close();
  }
}
