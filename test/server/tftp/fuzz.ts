import { mapName } from '#server/tftp/decide/lookup.ts';
import { normaliseName } from '#server/tftp/decide/name.ts';
import { negotiateOptions } from '#server/tftp/decide/options.ts';
import { requestOf } from '#server/tftp/decide/request.ts';
import { startTransfer, type Transfer } from '#server/tftp/transfer.ts';
import { decodeTftp, encodeTftp, type TftpPacket } from '#server/tftp/wire/packet.ts';
import { seededRandom } from './lossy-relay.ts';
import { readRequest } from './tftp-client.ts';

const SEEDS: readonly TftpPacket[] = [
  readRequest('ipxe.efi', { tsize: 0, blksize: 1468, windowsize: 4 }),
  readRequest('\\boot\\x64\\wdsnbp.com', { BLKSIZE: 65464, timeout: 255 }),
  readRequest('pxelinux.cfg/01-52-54-00-00-00-01'),
  readRequest('grub.cfg-C0A84D0C', {}, 'netascii'),
  readRequest('../../etc/passwd', { windowsize: 65535 }, 'mail'),
  { kind: 'WRQ', filename: 'x', mode: 'octet', options: [] },
  { kind: 'DATA', block: 1, data: new Uint8Array(8) },
  { kind: 'ACK', block: 1 },
  { kind: 'ERROR', code: 8, text: 'User aborted the transfer' },
  { kind: 'OACK', options: [{ name: 'blksize', value: '1468' }] },
];

export type FuzzCounts = {
  readonly inputs: number;
  readonly malformed: number;
  readonly reads: number;
  readonly refusals: number;
  readonly transfers: number;
};

/**
 * Feeds mutated packets to everything that a datagram can reach without a socket: codec, request, name, options, and a
 * running transfer. Throws, with the input in hex, on the first exception or broken promise.
 */
export function fuzzTftp({ count, seed }: { readonly count: number; readonly seed: number }): FuzzCounts {
  const random = seededRandom(seed);
  const seeds = SEEDS.map((packet) => encodeTftp(packet));
  const counts = { malformed: 0, reads: 0, refusals: 0, transfers: 0 };
  const running: { transfer: Transfer | undefined } = { transfer: undefined };
  for (let index = 0; index < count; index++) {
    const input = mutated(seeds[Math.floor(random() * seeds.length)] as Uint8Array, random);
    try {
      tryOne(input, counts, running);
    } catch (cause) {
      throw new Error(`seed ${seed}, input ${index}: ${Buffer.from(input).toString('hex')}`, { cause });
    }
  }
  running.transfer?.stop();
  return { inputs: count, ...counts };
}

function mutated(original: Uint8Array, random: () => number): Uint8Array {
  const below = (limit: number) => Math.floor(random() * limit);
  let bytes = Buffer.from(original);
  for (let changes = below(4); changes >= 0; changes--) {
    const at = below(bytes.length + 1);
    switch (below(6)) {
      case 0:
        if (at < bytes.length) bytes[at] = below(256);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << below(8));
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(below(20), below(256)), bytes.subarray(at)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(below(bytes.length + 1))]);
        break;
      default:
        // The opcode says which of all paths is taken.
        if (bytes.length > 1) bytes[1] = below(8);
    }
  }
  return bytes;
}

function tryOne(
  input: Uint8Array,
  counts: { malformed: number; reads: number; refusals: number; transfers: number },
  running: { transfer: Transfer | undefined },
): void {
  running.transfer ??= newTransfer(() => {
    running.transfer = undefined;
    counts.transfers++;
  });
  running.transfer.receive(input);
  const decoded = decodeTftp(input);
  if (decoded.kind === 'malformed') {
    counts.malformed++;
    return;
  }
  const request = requestOf(decoded.packet);
  if (request.kind === 'refuse') counts.refusals++;
  if (request.kind !== 'read') return;
  counts.reads++;
  if (request.path.startsWith('/') || /(^|\/)\.\.(\/|$)|[\0\\]/.test(request.path)) throw new Error('a way out');
  if (JSON.stringify(normaliseName(request.path)) !== JSON.stringify({ kind: 'name', path: request.path })) {
    throw new Error('normalised twice is not the same');
  }
  mapName(request.path);
  const caps = { blksize: 1468, windowsize: 16, timeoutSeconds: 60 };
  const got = negotiateOptions({ options: request.options, size: 1000, caps });
  if (!(got.blksize >= 8 && got.blksize <= 1468 && got.windowsize >= 1 && got.windowsize <= 16)) {
    throw new Error('granted more than the caps');
  }
  encodeTftp({ kind: 'OACK', options: got.oack });
}

function newTransfer(ended: () => void): Transfer {
  return startTransfer({
    file: { size: 10_000, content: new Uint8Array(10_000) },
    negotiated: { oack: [], blksize: 8, windowsize: 1, askedSize: false },
    rollover: 0,
    times: { firstTimeoutMs: 60_000, longestTimeoutMs: 60_000, firstRetries: 1, retries: 1, gapPatienceMs: 60_000 },
    send: () => {},
    sendsPending: () => 0,
    ended,
  });
}
