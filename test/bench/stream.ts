import { execFileSync } from 'node:child_process';
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { makeBmcCertificate } from '#machines/rack/bmc/certificate.ts';
import { type CpioEntry, encodeCpio } from '#test/lab/cpio.ts';
import { startAgentGuest } from '../e2e/agent-guest.ts';
import { agentImage, ROOT } from '../e2e/agent-image.ts';
import type { BenchRow } from './row.ts';
import type { StreamOrder } from './stream-order.ts';

const IMAGE_BYTES = 96 << 20;
const GUEST_LIMIT_MS = 900_000;
const PROGRAMS = ['curl', 'zstd', 'tee', 'dd', 'sha256sum'] as const;

/**
 * An image streamed to a virtio disk by the agent, beside `curl | zstd -dc | tee >(sha256sum) | dd` in the same guest, from
 * the same server over TLS. Both end when all is on the disk. Ours also clears both ends, and writes the first MiB last.
 */
export async function benchStream(): Promise<readonly BenchRow[]> {
  const { vmlinuz, initrd } = await agentImage({ variant: 'vm', entry: join(ROOT, 'test/bench/stream-probe.ts') });
  const image = halfRandom();
  const compressed = zstdCompressSync(image, { params: { [constants.ZSTD_c_compressionLevel]: 3 } });
  const certificate = await makeBmcCertificate();
  const server = createServer(certificate, (_request, response) => {
    response.setHeader('content-length', compressed.length);
    response.end(compressed);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const folder = mkdtempSync(join(tmpdir(), 'ingot-stream-'));
  try {
    const spki = new X509Certificate(certificate.cert).publicKey.export({ type: 'spki', format: 'der' });
    const order: StreamOrder = {
      // QEMU's user network: the guest's gateway is this machine's loopback.
      url: `https://10.0.2.2:${(server.address() as AddressInfo).port}`,
      pin: createHash('sha256').update(spki).digest('base64'),
      sha256: createHash('sha256').update(compressed).digest('hex'),
      rawSha256: createHash('sha256').update(image).digest('hex'),
      rawBytes: image.length,
    };
    const disk = join(folder, 'disk');
    writeFileSync(disk, '');
    truncateSync(disk, IMAGE_BYTES + (64 << 20));
    const withPeer = join(folder, 'initrd');
    writeFileSync(withPeer, Buffer.concat([padded(readFileSync(initrd)), peerArchive(order)]));
    await using guest = startAgentGuest({
      qemu: 'qemu-system-x86_64',
      vmlinuz,
      initrd: withPeer,
      commandLine: 'rootfstype=ramfs quiet',
      extraArgs: [
        ...['-netdev', 'user,id=n0', '-device', 'virtio-net-pci,netdev=n0,romfile='],
        ...['-drive', `file=${disk},if=none,id=d0,format=raw`, '-device', 'virtio-blk-pci,drive=d0,serial=STREAM'],
      ],
    });
    await guest.waitFor(/^(ROUNDS-OVER|PROBE-FAILED .*)/m, GUEST_LIMIT_MS);
    const failed = /^PROBE-FAILED .*/m.exec(guest.serial());
    if (failed) throw new Error(failed[0]);
    const rate = (who: string): number => (IMAGE_BYTES >> 20) / (middleOf(timesOf(guest.serial(), who)) / 1000);
    return [
      {
        what: 'image streamed to a virtio disk in a guest (TCG)',
        ours: rate('ours'),
        peer: rate('peer'),
        peerName: 'curl | zstd -dc | tee >(sha256sum) | dd bs=4M conv=fdatasync',
        unit: 'MiB/s',
        ratio: rate('ours') / rate('peer'),
        target: { kind: 'ratio', atLeast: 0.9 },
      },
    ];
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
}

const timesOf = (serial: string, who: string): readonly number[] =>
  [...serial.matchAll(new RegExp(`TOOK ${who} (\\d+) END`, 'g'))].map(([, ms]) => Number(ms));

const middleOf = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;

/** As file systems are: some of it does not compress, some is text, some is empty. */
function halfRandom(): Buffer {
  const image = Buffer.alloc(IMAGE_BYTES);
  const piece = 1 << 20;
  for (let at = 0; at < IMAGE_BYTES; at += 4 * piece) {
    randomBytes(2 * piece).copy(image, at);
    image.write('all work and no play makes a dull disk\n'.repeat(piece / 40), at + 2 * piece);
  }
  return image;
}

/** The peer's programs of this machine, with all that they load. */
function peerArchive(order: StreamOrder): Buffer {
  const paths = PROGRAMS.map((name) => execFileSync('which', [name], { encoding: 'utf8' }).trim());
  const libraries = new Map<string, string>();
  for (const path of paths) {
    for (const [, name = '', at = ''] of execFileSync('ldd', [path], { encoding: 'utf8' }).matchAll(
      /^\s*(?:(\S+) => )?(\/\S+) \(/gm,
    ))
      libraries.set(name === '' ? 'ld.so' : name, at);
  }
  const file = (path: string, from: string): CpioEntry => ({
    path,
    kind: 'file',
    content: readFileSync(from),
    executable: true,
  });
  return encodeCpio([
    ...['peer', 'peer/bin', 'peer/lib'].map((path): CpioEntry => ({ path, kind: 'folder' })),
    { path: 'peer/order.json', kind: 'file', content: Buffer.from(JSON.stringify(order)) },
    ...PROGRAMS.map((name, index) => file(`peer/bin/${name}`, paths[index] ?? '')),
    ...[...libraries].map(([name, at]) => file(`peer/lib/${name}`, at)),
  ]);
}

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
